import { stringify } from 'yaml';
import { isAtom, type Term, Tuple } from '../../etf/index.ts';
import type { Topics } from '../../protocol/topics.ts';
import { type Json, toJson } from '../../qa/formats/json-write.ts';
import { termOf } from '../message.ts';

interface Passing {
  readonly topic: string;
  readonly payload: Buffer;
  readonly correlation: string | undefined;
}

type JsonObject = { [key: string]: Json };

interface RecordedStep {
  name: string;
  as: string;
  request: Json;
  form?: 'raw';
  allows?: Json[];
  expect?: Json;
  answers?: { to: string; expect: Json }[];
  notices?: { to: string; expect: Json }[];
  mail?: { to: string; code: string };
}

/** A step, and what only the recording needs. */
interface Pending {
  readonly step: RecordedStep;
  readonly correlation: string | undefined;
  /** The time in the request's `update`, if it has one. */
  readonly sentAt: Json | undefined;
}

/** Longer recordings would not be read by anybody. */
const mostSteps = 10_000;

/** Makes a test plan from the messages that pass, in their order. */
export class Recorder {
  readonly #topics: Topics;
  readonly #pending: Pending[] = [];
  readonly #phones = new Map<string, string>();
  /** Clients that asked and had an answer. */
  readonly #clients = new Set<string>();
  /** Codes that were right, and what stands in their place. */
  readonly #codes = new Map<Json, string>();
  #skipped = 0;

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  get requestCount(): number {
    return this.#pending.length;
  }

  /** How many requests have no place in a plan: unreadable bytes, and those without a client. */
  get skippedCount(): number {
    return this.#skipped;
  }

  take({ topic, payload, correlation }: Passing): void {
    const request = this.#topics.readRequest(topic);
    if (request !== undefined) {
      this.#takeRequest(request.client, payload, correlation);
      return;
    }
    const term = termOf(payload);
    if (term === undefined) return;
    const client = this.#topics.clientOfAnswer(topic);
    if (client !== undefined) this.#takeAnswer(client, term, correlation);
    else this.#takeNotice(this.#topics.phoneOfNotice(topic) ?? '', term);
  }

  /** The plan as YAML. */
  plan(): string {
    const clients = Object.fromEntries(
      [...this.#clients].map((client) => {
        const phone = this.#phones.get(client);
        return [client, phone === undefined ? {} : { phone }];
      }),
    );
    const steps = this.#pending.map(({ step }) => step);
    for (const { notices = [] } of steps)
      for (const each of notices) each.to = this.#ownerOf(each.to) ?? each.to;
    const plan = { name: 'recorded', clients, steps };
    return stringify(plan, { lineWidth: 0, defaultStringType: 'PLAIN', aliasDuplicateObjects: false });
  }

  #takeRequest(client: string, payload: Buffer, correlation: string | undefined): void {
    const term = termOf(payload);
    const text = payload.toString();
    const isText = Buffer.from(text).equals(payload) && !text.includes('\0');
    if (
      client === '' ||
      payload.length === 0 ||
      (term === undefined && !isText) ||
      this.requestCount >= mostSteps
    ) {
      this.#skipped++;
      return;
    }
    const fields = term === undefined ? undefined : (toJson(term) as JsonObject);
    const isProfile =
      fields?.record === 'Profile' && typeof fields.status === 'string' && fields.short !== true;
    const step: RecordedStep = {
      name: isProfile ? String(fields.status) : 'another request',
      as: client,
      request: '',
    };
    if (fields === undefined) {
      step.form = 'raw';
      step.request = text;
    } else step.request = isProfile ? requestOf(fields) : fields;
    for (const service of servicesOf(step))
      service.data = this.#codes.get(service.data ?? '') ?? service.data ?? [];
    this.#clients.add(client);
    if (isProfile && typeof fields.phone === 'string' && !this.#phones.has(client))
      this.#phones.set(client, fields.phone);
    this.#pending.push({ step, correlation, sentAt: isProfile ? fields.update : undefined });
  }

  /** The code that was right in an `email` is that of the mail which the `link` before it has caused, wherever it stands. */
  #takeCodeAlong({ step: email }: Pending): void {
    for (const service of servicesOf(email)) {
      const link = this.#pending.findLast(
        ({ step }) =>
          step.name === 'link' && JSON.stringify(step.request).includes(JSON.stringify(service.id)),
      );
      if (link === undefined || typeof service.id !== 'string' || service.data === undefined) continue;
      link.step.mail = { to: service.id, code: 'Code' };
      this.#codes.set(service.data, codeVariable);
      service.data = codeVariable;
    }
  }

  #takeAnswer(client: string, term: Term, correlation: string | undefined): void {
    if (isRefusal(term, 'not_authorized')) this.#phones.delete(client);
    const last = this.#pending.at(-1);
    const own = this.#pending.find(
      (each) =>
        each.step.as === client &&
        each.step.expect === undefined &&
        (each.correlation === undefined || correlation === undefined || each.correlation === correlation),
    );
    const expected = patternOf(term, (own ?? last)?.sentAt);
    if (own === undefined) {
      if (last === undefined) return;
      last.step.answers = [...(last.step.answers ?? []), { to: client, expect: expected }];
      this.#clients.add(client);
    } else if (isOnTheWay(expected)) own.step.allows = [expected];
    else own.step.expect = expected;
    if (own?.step.name === 'email' && (expected as JsonObject).ok === 'verified') this.#takeCodeAlong(own);
  }

  #takeNotice(phone: string, term: Term): void {
    const last = this.#pending.at(-1);
    if (last === undefined) return;
    last.step.notices = [...(last.step.notices ?? []), { to: phone, expect: patternOf(term, last.sentAt) }];
  }

  #ownerOf(phone: string): string | undefined {
    return [...this.#phones].find(([, own]) => own === phone)?.[0];
  }
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the plan
const codeVariable = '${Code}';

function servicesOf({ name, request }: RecordedStep): JsonObject[] {
  const { services } = name === 'email' ? (request as JsonObject) : {};
  return Array.isArray(services) ? (services as JsonObject[]).filter(({ data }) => data !== undefined) : [];
}

/** `record` and `status` of a `'Profile'` are its `request`; times are those of the next run. */
function requestOf({ record: _, status = '', ...fields }: JsonObject): JsonObject {
  const open = withoutTimes({ ...fields }, fields.update) as JsonObject;
  for (const name of ['update', 'balance']) if (open[name] === 0) delete open[name];
  return { request: status, ...open };
}

/** What a term must look like next time: without times and credentials. */
function patternOf(term: Term, sentAt: Json | undefined): Json {
  return withoutTimes(toJson(term), sentAt);
}

const earliestTime = Date.UTC(2020, 0);

function withoutTimes(value: Json, sentAt: Json | undefined): Json {
  if (Array.isArray(value)) return value.map((each) => withoutTimes(each, sentAt));
  if (typeof value === 'number' && value > earliestTime)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the plan
    return value === sentAt ? '${now}' : '_';
  if (typeof value !== 'object') return value;
  const isCredentials = value.record === 'Service' && value.type === 'aws';
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      isCredentials && secretFields.has(key) ? '_' : withoutTimes(each, sentAt),
    ]),
  );
}

const secretFields: ReadonlySet<string> = new Set(['id', 'data', 'login', 'password', 'expiration']);

function isOnTheWay(expected: Json): boolean {
  const { ok, data } = expected as JsonObject;
  return ok === 'aws' && (data as JsonObject | undefined)?.status === 'added';
}

function isRefusal(term: Term, code: string): boolean {
  const [, said] = term instanceof Tuple ? term.elements : [];
  return said instanceof Tuple && isAtom(said.elements[1], code);
}
