import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Term } from '../../etf/index.ts';
import { writeFormat } from '../../qa/formats/write.ts';
import type { Connections } from '../connections.ts';
import { inOneLine } from '../payloads.ts';
import { CliFault } from '../terminal.ts';
import { type Mailbox, openMailbox } from './mails.ts';
import {
  insert,
  matches,
  rawRequest,
  requestOf,
  StepFault,
  termOfValue,
  type Variables,
} from './patterns.ts';
import type { Plan, PlanPattern, Step } from './plan.ts';
import { type Arrival, Receivers } from './receivers.ts';

export interface StepResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** From the publish to the answer. */
  readonly milliseconds?: number;
  /** Why it failed: a sentence, then what was expected and received, without secrets. */
  readonly fault?: string;
  /** What was received and right, to be compared with that of another broker. */
  readonly received: readonly Received[];
}

/** A message that was right. `known` are the variables before it. */
export interface Received {
  readonly what: string;
  readonly pattern: PlanPattern | undefined;
  readonly term: Term;
  readonly known: ReadonlyMap<string, Term>;
}

export interface RunOptions {
  /** `NAME=VALUE`, instead of the plan's own. */
  readonly set: ReadonlyMap<string, string>;
  readonly mails: string | undefined;
  readonly keepGoing: boolean;
  /** Called after each step. */
  readonly onStep: (result: StepResult) => void;
}

/** Do the steps of a plan, one after another; after one that fails the others are skipped. */
export async function runPlan(
  plan: Plan,
  connections: Connections,
  options: RunOptions,
): Promise<StepResult[]> {
  const variables: Variables = new Map(
    Object.entries({ ...plan.variables, ...Object.fromEntries(options.set) }).map(([name, value]) => [
      name,
      termOfValue(value),
    ]),
  );
  const receivers = new Receivers(connections, plan, variables);
  const run = new Run(receivers, variables, openMailbox(options.mails), connections);
  const results: StepResult[] = [];
  try {
    for (const [index, step] of plan.steps.entries()) {
      const name = step.name ?? `step ${index + 1}`;
      const goesOn = options.keepGoing || results.every(({ outcome }) => outcome === 'passed');
      const result = goesOn
        ? await run.step(step, name)
        : { name, outcome: 'skipped' as const, received: [] };
      results.push(result);
      options.onStep(result);
    }
  } finally {
    await receivers.close();
  }
  return results;
}

class Run {
  readonly #receivers: Receivers;
  readonly #variables: Variables;
  readonly #mailbox: Mailbox;
  readonly #connections: Connections;
  #received: Received[] = [];

  constructor(receivers: Receivers, variables: Variables, mailbox: Mailbox, connections: Connections) {
    this.#receivers = receivers;
    this.#variables = variables;
    this.#mailbox = mailbox;
    this.#connections = connections;
  }

  async step(step: Step, name: string): Promise<StepResult> {
    this.#received = [];
    let milliseconds: number | undefined;
    try {
      milliseconds = await this.#do(step);
      return {
        name,
        outcome: 'passed',
        received: this.#received,
        ...(milliseconds !== undefined && { milliseconds }),
      };
    } catch (error) {
      if (!(error instanceof StepFault || error instanceof CliFault)) throw error;
      return { name, outcome: 'failed', fault: error.message, received: this.#received };
    }
  }

  async #do(step: Step): Promise<number | undefined> {
    this.#variables.set('now', Date.now());
    const others = [
      ...(await this.#addresses(step.answers, 'answer')),
      ...(await this.#addresses(step.notices, 'notice')),
    ];
    if (step.mail !== undefined) await this.#mailbox.mark();
    this.#receivers.forget();
    const answersTo = await this.#receivers.answersTo(step.as);
    const correlation = randomUUID();
    const started = performance.now();
    const deadline = started + step.timeout;
    await this.#publish(step, correlation);
    const answer =
      step.expect === undefined ? undefined : await this.#answer(step, answersTo, correlation, deadline);
    const milliseconds = answer && Math.round((answer.at - started) * 10) / 10;
    for (const { address, pattern } of others) await this.#other(address, pattern, deadline);
    if (step.mail !== undefined) {
      const code = await this.#mailbox.code(insert(step.mail.to, this.#variables), step.timeout);
      this.#variables.set(step.mail.code, termOfValue(code));
    }
    if (step.quiet !== undefined) await this.#expectSilence(step.quiet);
    if (milliseconds !== undefined && milliseconds > (step.within ?? Number.POSITIVE_INFINITY))
      throw new StepFault(`the answer came after ${milliseconds} ms; within ${step.within} ms was expected`);
    return milliseconds;
  }

  async #addresses(expected: Step['answers'], kind: 'answer' | 'notice') {
    const found: { address: string; pattern: PlanPattern }[] = [];
    for (const { to, expect } of expected) {
      const address = kind === 'answer' ? this.#receivers.answersTo(to) : this.#receivers.noticesTo(to);
      found.push({ address: await address, pattern: expect });
    }
    return found;
  }

  async #publish(step: Step, correlation: string): Promise<void> {
    const { form, request, as } = step;
    const variables = this.#variables;
    const payload =
      form === 'raw' ? rawRequest(request, variables) : writeFormat(requestOf(request, variables), form);
    const { mqtt, token, broken } = await this.#receivers.connect(as);
    const topic = this.#connections.topics.request(
      token === '' ? '' : this.#receivers.person(as).client,
      token,
    );
    const properties = { correlationData: Buffer.from(correlation) };
    const published = mqtt.publishAsync(topic, payload, { qos: 1, properties });
    await Promise.race([published, broken]).catch((error: Error) => {
      throw new StepFault(`the broker does not take the request: ${error.message}`);
    });
  }

  /** The first message to the asking client that belongs to this request and is none of those that are allowed before. */
  async #answer(step: Step, address: string, correlation: string, deadline: number): Promise<Arrival> {
    const isOurs = (arrival: Arrival): boolean =>
      arrival.address === address && (arrival.correlation ?? correlation) === correlation;
    const pattern = step.expect ?? '_';
    const allowed = [...step.allows];
    for (;;) {
      const arrival = await this.#receivers.take(isOurs, deadline);
      if (arrival === undefined)
        throw new StepFault(this.#missing(`no answer came within ${step.timeout} ms`, pattern));
      if (this.#fits(pattern, arrival, 'the answer')) return arrival;
      const index = allowed.findIndex((each) => this.#matches(each, arrival));
      if (index < 0) throw new StepFault(differs('the answer', pattern, arrival));
      allowed.splice(index, 1);
    }
  }

  async #other(address: string, pattern: PlanPattern, deadline: number): Promise<void> {
    const fits = (arrival: Arrival): boolean =>
      arrival.address === address && this.#fits(pattern, arrival, address);
    if ((await this.#receivers.take(fits, deadline)) !== undefined) return;
    throw new StepFault(this.#missing(`this did not come: ${address}`, pattern));
  }

  async #expectSilence(quietMs: number): Promise<void> {
    await sleep(quietMs);
    const [extra] = this.#receivers.unexamined;
    if (extra !== undefined)
      throw new StepFault(`nothing more was expected, but ${extra.address}:\n  ${shown(extra)}`);
  }

  #missing(what: string, pattern: PlanPattern): string {
    const seen = this.#receivers.unexamined.map(
      (arrival) => `\nreceived ${arrival.address}: ${shown(arrival)}`,
    );
    return `${what}\nexpected ${textOf(pattern)}${seen.slice(0, 5).join('')}`;
  }

  #matches(pattern: PlanPattern, { term }: Arrival): boolean {
    const known = new Map(this.#variables);
    return term !== undefined && matches(pattern, term, known);
  }

  /** Whether it is as expected; if so its new variables are kept. */
  #fits(pattern: PlanPattern, { term }: Arrival, what: string): boolean {
    const known = new Map(this.#variables);
    const found = new Map(known);
    if (term === undefined || !matches(pattern, term, found)) return false;
    for (const [name, value] of found) this.#variables.set(name, value);
    this.#received.push({ what, pattern, term, known });
    return true;
  }
}

function differs(what: string, pattern: PlanPattern, arrival: Arrival): string {
  return `${what} is not as expected\nexpected ${textOf(pattern)}\nreceived ${shown(arrival)}`;
}

const textOf = (pattern: PlanPattern): string =>
  typeof pattern === 'string' ? pattern.trim() : JSON.stringify(pattern);

/** Reports are kept by others: they have no secrets. */
const shown = ({ payload }: Arrival): string => inOneLine(payload, 'redacted');
