import { build, type Histogram } from 'hdr-histogram-js';
import type { RequestKind } from '../../src/handlers/index.ts';
import { type Arrivals, arrivalTimes } from './arrivals.ts';
import { chooseKind, type Mix } from './mix.ts';
import { type Person, requestOf, resultOf, seedOf } from './person.ts';
import type { Population } from './population.ts';

export interface Step {
  /** Requests a second. */
  readonly rate: number;
  readonly durationMs: number;
  readonly arrivals: Arrivals;
  readonly mix: Mix;
}

/** The results of the requests of a step. Histograms are in microseconds. */
export interface StepResult {
  readonly offered: number;
  /** Within the step's own time. */
  readonly answeredInTime: number;
  readonly answered: number;
  /** From the send time of a request by the schedule to its last answer. */
  readonly latency: Histogram;
  readonly latencyByKind: ReadonlyMap<RequestKind, Histogram>;
  /** The delay of the population itself: from a request's send time, for a free person, until it was sent. */
  readonly lateness: Histogram;
  /** Answers by `<kind> <result>`. */
  readonly results: ReadonlyMap<string, number>;
  /** Answers that the protocol does not allow there. */
  readonly wrong: number;
}

/** A request that is due. */
interface Due {
  readonly kind: RequestKind;
  /** Of `performance.now()`, milliseconds. */
  readonly at: number;
}

/** Longest wait for requests in flight when a step is over. */
const drainMs = 15_000;

/** The expected answers of each request. A kind without an entry may answer all but an error. */
const expectedResults: Readonly<Partial<Record<RequestKind | 'moving', readonly string[]>>> = {
  get: ['get'],
  set: ['set'],
  update: ['update'],
  init: ['init'],
  link: ['email_sent', 'error too_many_requests'],
  email: ['verified', 'error wrong_code'],
  aws: ['aws'],
  remove: ['remove', 'error busy'],
  migrate: ['migration'],
  phone: ['error not_authorized'],
  moving: ['phone', 'error busy'],
};

/** Whether a request may be answered so in the protocol's normal course. */
export function isExpectedResult(kind: RequestKind | 'moving', result: string): boolean {
  return expectedResults[kind]?.includes(result) ?? !/^(?:error |stranger$|unknown$)/.test(result);
}

/** Makes a population send requests at a given rate, whether they are answered or not. */
export class LoadGenerator {
  readonly #population: Population;
  readonly #alsoExpected: readonly string[];
  /** Due requests without a free person, oldest first. */
  #backlog: Due[] = [];
  #inFlight = 0;
  #record: (due: Due, result: string, isExpected: boolean) => void = () => undefined;
  #late: (ms: number) => void = () => undefined;

  /** @param alsoExpected - results that are right for any request besides those of the protocol's normal course. */
  constructor(population: Population, alsoExpected: readonly string[] = []) {
    this.#population = population;
    this.#alsoExpected = alsoExpected;
  }

  /** Gives everybody a profile, some at a time; they may send requests from then on. */
  async seed(): Promise<void> {
    const waiting = [...this.#population.people];
    const seeders = Array.from({ length: 64 }, async () => {
      for (let person = waiting.pop(); person !== undefined; person = waiting.pop()) {
        await this.#seed(person);
        this.#population.release(person);
      }
    });
    await Promise.all(seeders);
  }

  async run(step: Step, progress: (text: string) => void): Promise<StepResult> {
    const start = performance.now();
    const end = start + step.durationMs;
    const tally = this.#startTally(end);
    const times = arrivalTimes(step.arrivals, step.rate, step.durationMs);
    let offered = 0;
    let next = times.next();
    await new Promise<void>((resolve) => {
      const tick = (): void => {
        const now = performance.now();
        for (; !next.done && start + next.value <= now; next = times.next()) {
          offered++;
          this.#due({ kind: chooseKind(step.mix, Math.random()), at: start + next.value });
        }
        progress(
          `${step.rate}/s: ${offered} sent, ${this.#inFlight + this.#backlog.length} not answered yet`,
        );
        if (next.done) resolve();
        else setTimeout(tick, 1);
      };
      tick();
    });
    const { broken } = this.#population;
    if (broken !== undefined) throw broken;
    const giveUpAt = Math.max(end, performance.now()) + drainMs;
    while (performance.now() < end || (this.#unanswered > 0 && performance.now() < giveUpAt)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#backlog = [];
    return { offered, ...tally() };
  }

  get #unanswered(): number {
    return this.#inFlight + this.#backlog.length;
  }

  /** Counts from now on. @returns the counts. */
  #startTally(end: number): () => Omit<StepResult, 'offered'> {
    const latency = openHistogram();
    const lateness = openHistogram();
    const latencyByKind = new Map<RequestKind, Histogram>();
    const results = new Map<string, number>();
    let [answered, answeredInTime, wrong] = [0, 0, 0];
    this.#late = (ms) => lateness.recordValue(microsOf(ms));
    this.#record = ({ kind, at }, result, isExpected) => {
      const now = performance.now();
      answered++;
      if (now <= end) answeredInTime++;
      if (!isExpected && !this.#alsoExpected.includes(result)) wrong++;
      const name = `${kind} ${result}`;
      results.set(name, (results.get(name) ?? 0) + 1);
      latency.recordValue(microsOf(now - at));
      const own = latencyByKind.get(kind) ?? openHistogram();
      latencyByKind.set(kind, own);
      own.recordValue(microsOf(now - at));
    };
    return () => ({ answeredInTime, answered, latency, latencyByKind, lateness, results, wrong });
  }

  #due(due: Due): void {
    const person = this.#population.take(due.kind);
    if (person === undefined) {
      this.#backlog.push(due);
      return;
    }
    this.#late(performance.now() - due.at);
    this.#send(person, due);
  }

  #send(person: Person, due: Due): void {
    const code = due.kind === 'email' ? this.#population.codeOf(person) : '';
    const { number } = person;
    const name = due.kind === 'phone' && person.isMoving ? 'moving' : due.kind;
    this.#inFlight++;
    person.device.ask(requestOf(due.kind, person, code), (payload) => {
      const result = resultOf(payload, number);
      if (result === 'later') return false;
      this.#inFlight--;
      this.#record(due, result, isExpectedResult(name, result));
      this.#goOn(person, due.kind, result).catch((error: Error) => person.device.onBroken(error));
      return true;
    });
  }

  /** Handles an answer of a person, until the person may ask again. */
  async #goOn(person: Person, kind: RequestKind, result: string): Promise<void> {
    if (kind === 'migrate' && result === 'migration') return this.#population.move(person);
    if (kind === 'phone' && result === 'error busy') return this.#population.moveLater(person);
    if (kind === 'phone') person.isMoving = false;
    if (kind === 'link' && result === 'email_sent') this.#population.mailed(person);
    if (kind === 'remove' && result === 'remove') {
      await this.#population.signIn(person);
      await this.#seed(person);
    }
    const due = this.#backlog.shift();
    if (due !== undefined && due.kind !== 'phone') this.#send(person, due);
    else {
      this.#population.release(person);
      if (due !== undefined) this.#due(due);
    }
  }

  async #seed(person: Person): Promise<void> {
    const result = resultOf(await person.device.answer(seedOf(person)), person.number);
    if (result !== 'set') throw new Error(`a profile could not be made: ${result}`);
  }
}

/** Microseconds, from one to two minutes, exact to a thousandth. */
function openHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

function microsOf(ms: number): number {
  return Math.max(1, Math.min(120_000_000, Math.round(ms * 1000)));
}
