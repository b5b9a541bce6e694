import { setTimeout as sleep } from 'node:timers/promises';
import { decode, encode, isAtom, print, type Term, Tuple } from '../../../src/etf/index.ts';
import type { RequestKind } from '../../../src/handlers/index.ts';
import type { Rng } from '../../harness/rng.ts';
import { signIn } from '../../harness/sign-in.ts';
import type { ContactPhone, DueNotice } from './contacts.ts';
import { Device, type Exchange, type Judgement } from './device.ts';
import type { EventLog, ViolationKind } from './event-log.ts';
import { type Known, profileOf, storedTerm } from './known.ts';
import type { Mailbox } from './mailbox.ts';
import type { System } from './system.ts';

/** One possible answer to a request. */
export interface Possible {
  /** `'last'` if this is it, `'more'` if it is and another follows. */
  fits(answer: Term): Judgement | false;
  /** Whether this answer is possible at this time; default always. */
  isAllowed?(exchange: Exchange): boolean;
  /** The known data after it. */
  note?(answer: Term): void;
}

/** A code that was mailed. */
export interface Code {
  readonly address: string;
  readonly code: string;
  readonly mailedAt: number;
  wrongTries: number;
}

/** An accepted `link`. */
export interface Linked {
  readonly address: string;
  readonly sentAt: number;
}

/** The request cannot be followed any further; the phone starts again under another number. */
export class Lost extends Error {
  override readonly name = 'Lost';
}

export interface PhoneDeps {
  readonly system: System;
  readonly eventLog: EventLog;
  readonly mailbox: Mailbox;
  readonly contactPhone: ContactPhone;
  readonly rng: Rng;
}

/** How long an effect may follow an answer that an MQTT 3.1.1 client cannot distinguish from a repeated older one. */
const repeatsMs = 45_000;

/** A phone with two devices. It sends one request after the other, so its stored data is known after each answer. */
export class Phone {
  readonly name: string;
  readonly devices: readonly [Device, Device];
  readonly deps: PhoneDeps;
  number = '';
  /** The number before the last move. */
  previous: string | undefined;
  /** Every number that it ever had. */
  readonly numbers = new Set<string>();
  /** The numbers that it moved away from: no data of them may remain. */
  readonly left = new Set<string>();
  /** `undefined` while it has no profile. */
  known: Known | undefined;
  /** `update` and `presence` of the last possible notice to its contact. */
  news: Pick<Known, 'update' | 'presence'>[] = [{ update: 0, presence: [] }];
  /** An `update` whose notice may be outstanding, and the news that the contact has until then. */
  pendingUpdate: { readonly due: DueNotice; readonly former: Phone['news'] } | undefined;
  isDeletedAtContact = false;
  codes: Code[] = [];
  readonly linked: Linked[] = [];
  linkedAt = Number.NEGATIVE_INFINITY;
  /** When its last move was answered; notices to counterparties may still follow. */
  movedAt = Number.NEGATIVE_INFINITY;
  /** `'Profile'`s with status `remove` that its devices received without a request. */
  removals: Record<string, number> = {};
  /** Never used twice in settings and presences. */
  count = 0;
  /** When the last request was sent that showed that the stored data is as known. */
  since = performance.now();
  #history: string[] = [];

  private constructor(name: string, devices: readonly [Device, Device], deps: PhoneDeps) {
    this.name = name;
    this.devices = devices;
    this.deps = deps;
    for (const device of devices) device.onOther = (payload) => this.#onUnasked(device, payload);
  }

  static async connect(deps: PhoneDeps, name: string): Promise<Phone> {
    const options = deps.rng.is(0.3)
      ? ({ version: 4, qos: 2 } as const)
      : ({ version: 5, qos: deps.rng.pick([1, 2] as const) } as const);
    const { url } = deps.system.broker;
    const first = await Device.connect(url, `${name}-a`, options);
    const second = await Device.connect(url, `${name}-b`, options);
    return new Phone(name, [first, second], deps);
  }

  /** Whether its clients can tell answers apart. */
  get hasCorrelation(): boolean {
    return this.devices[0].version === 5;
  }

  /** Takes a number that nobody had, with nothing stored. @returns false if there is none left. */
  async begin(): Promise<boolean> {
    const number = this.deps.contactPhone.spares.pop();
    if (number === undefined) return false;
    this.take(number);
    this.previous = undefined;
    this.known = undefined;
    this.news = [{ update: 0, presence: [] }];
    this.pendingUpdate = undefined;
    this.isDeletedAtContact = false;
    this.codes = [];
    this.linkedAt = Number.NEGATIVE_INFINITY;
    for (const { client } of this.devices) await signIn(this.deps.system.database, client, number);
    return true;
  }

  take(number: string): void {
    this.previous = this.number;
    this.number = number;
    this.numbers.add(number);
  }

  /** The answer to `kind` when all is as known. */
  profile(kind: RequestKind, known: Known, number = this.number): Tuple {
    return profileOf(number, this.deps.contactPhone.number, known, kind);
  }

  /** What the contact may still have in place of the last news, because it has not been notified of them. */
  formerNews(): Phone['news'] {
    const { pendingUpdate, deps } = this;
    return pendingUpdate && deps.contactPhone.isDue(pendingUpdate.due) ? pendingUpdate.former : [];
  }

  anyDevice(): Device {
    return this.deps.rng.pick(this.devices);
  }

  /**
   * Sends a request and records the answer.
   * @throws Lost when none of the possible answers arrived.
   */
  async ask(device: Device, kind: RequestKind, request: Tuple, possible: readonly Possible[]): Promise<Term> {
    const judgeTerm = (answer: Term): Judgement => {
      for (const each of possible) {
        const judgement = each.fits(answer);
        if (judgement !== false) return judgement;
      }
      return 'stray';
    };
    const exchange = await device.ask(encode(request), (payload) => judgeTerm(decode(payload)));
    const { eventLog } = this.deps;
    const { sentAt, answeredAt, hasNoSubscriber, strays } = exchange;
    eventLog.answered({ kind, sentAt, answeredAt });
    const answer = exchange.answer && decode(exchange.answer);
    const { since } = this;
    this.#note(device, request, answer, exchange);
    if (answer === undefined) {
      const received = strays.map((stray) => print(decode(stray))).join(' and ');
      const what = `${this.#name(kind)}${received && `, which received ${received}`}\n${this.#past()}`;
      eventLog.unanswered(what, {
        sentAt,
        isToldUnsubscribed: hasNoSubscriber,
        wrongSince: received && since,
      });
      throw new Lost();
    }
    const fitting = possible.find((each) => each.fits(answer) === 'last');
    if (fitting === undefined || fitting.isAllowed?.(exchange) === false) {
      this.#wrong(kind, answer, since);
      throw new Lost();
    }
    fitting.note?.(answer);
    if (answer instanceof Tuple && isAtom(answer.elements[0], 'Profile')) this.since = sentAt;
    return answer;
  }

  /**
   * Checks in the store that something holds: at once, or soon, for a client that may have confused an older answer
   * with this one.
   */
  async see(
    kind: ViolationKind,
    what: string,
    isSo: () => Promise<boolean>,
    since = this.since,
  ): Promise<void> {
    const end = performance.now() + (this.hasCorrelation ? 0 : repeatsMs);
    for (;;) {
      const begun = performance.now();
      if (await isSo()) return;
      if (performance.now() > end && performance.now() - begun < 5_000) break;
      await sleep(100);
    }
    this.deps.eventLog.differs(kind, `${this.name} ${this.number}: ${what}\n${this.#past()}`, since);
    throw new Lost();
  }

  /** Its stored data, as a `get` would answer it. */
  async stored(): Promise<Term | undefined> {
    return storedTerm(this.number, await this.deps.system.stores.profiles.read(this.number));
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.close()));
  }

  #wrong(kind: RequestKind, answer: Term, since: number): void {
    const expected = this.known && print(this.profile('get', this.known));
    const what = `${this.#name(kind)} is answered ${print(answer)}, known is ${expected}\n${this.#past()}`;
    this.deps.eventLog.differs('wrong', what, since);
  }

  #name(kind: RequestKind): string {
    return `${kind} of ${this.name} (${this.number}, MQTT ${this.devices[0].version})`;
  }

  #note(device: Device, request: Tuple, answer: Term | undefined, { sentAt, answeredAt }: Exchange): void {
    const at = new Date(performance.timeOrigin + sentAt).toISOString();
    const received = (answer === undefined ? 'nothing' : print(answer)).replaceAll(tokens, '<<…>>');
    this.#history.push(
      `    ${at} ${device.client} ${print(request)}\n      +${Math.round(answeredAt - sentAt)} ms ${received}`,
    );
    this.#history = this.#history.slice(-14);
  }

  #past(): string {
    return this.#history.join('\n');
  }

  #onUnasked(device: Device, payload: Buffer): void {
    const term = decode(payload);
    if (!(term instanceof Tuple) || !isAtom(term.elements[0], 'Profile')) return;
    if (!isAtom(term.elements.at(-1), 'remove')) return;
    this.removals[device.client] = (this.removals[device.client] ?? 0) + 1;
  }
}

/** Shortens credentials: their text is long and useless. */
const tokens = /<<"[^"]{40,}">>/g;
