import { signal } from '@preact/signals';
import { Atom, type Term, Tuple } from '../../../src/etf/index.ts';
import { nameOf } from '../people.ts';
import { markOutdated } from '../shown/outdated.ts';
import { learn } from '../shown/profiles.ts';
import { fieldsOf, ioWords, plainText, type ReadPayload, readPayload, refusalOf } from '../term.ts';

/** A message as it is shown. */
export interface Message extends ReadPayload {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly at: Date;
  readonly isNotice?: boolean;
  /** Milliseconds since the request, for an answer. */
  readonly tookMs?: number;
}

/** A request with its answers, or a notice without a request of this page. */
export interface Exchange {
  readonly id: number;
  /** The phone that asked or received it. */
  readonly phone: string;
  /** The kind of request; `undefined` for a notice. */
  readonly kind?: string;
  /** The request first, if there is one. */
  readonly messages: readonly Message[];
  /** Why no answer is waited for any more. */
  readonly givenUp?: string;
}

const keptExchanges = 200;

/** Newest first. */
export const exchanges = signal<readonly Exchange[]>([]);

/** One sentence about the newest message, for screen readers. */
export const news = signal('');

let lastId = 0;
const startedAt = new Map<number, number>();

/** Adds a sent request. @returns the number that identifies its answers. */
export function sent(request: { phone: string; kind: string; topic: string; payload: Uint8Array }): number {
  const { phone, kind, topic, payload } = request;
  const id = ++lastId;
  startedAt.set(id, performance.now());
  add({ id, phone, kind, messages: [{ ...readPayload(payload), topic, payload, at: new Date() }] });
  return id;
}

/** Adds an answer to the exchange of this number, or any other message. */
export function received(packet: {
  phone: string;
  topic: string;
  payload: Uint8Array;
  isNotice: boolean;
  exchange: number | undefined;
}): void {
  const { phone, topic, payload, isNotice, exchange = 0 } = packet;
  const started = startedAt.get(exchange);
  const message: Message = {
    ...readPayload(payload),
    topic,
    payload,
    isNotice,
    at: new Date(),
    ...(started !== undefined && { tookMs: performance.now() - started }),
  };
  const asked = started === undefined ? undefined : exchanges.value.find(({ id }) => id === exchange);
  if (asked === undefined) add({ id: ++lastId, phone, messages: [message] });
  else {
    const more = { ...asked, messages: [...asked.messages, message] };
    exchanges.value = exchanges.value.map((each) => (each === asked ? more : each));
  }
  const answersGet = asked?.kind === 'get' && asksOwn(asked);
  learn({ phone, term: message.term, at: message.at, answersGet });
  if (isNotice || (asked !== undefined && ioWords(message.term)[0] === 'ok')) markOutdated(phone);
  news.value = `${nameOf(phone)}, ${asked?.kind ?? 'not asked for'}: ${summary(message.term)}`;
}

/** Whether a request names its client's own phone, or none. Edited by hand, it may name another. */
function asksOwn({ phone, messages }: Exchange): boolean {
  return ['', phone].includes(plainText(fieldsOf(messages[0]?.term, 'Profile')?.phone));
}

/** Whether a request has no answer yet, and one is waited for. */
export function isWaiting({ kind, messages, givenUp }: Exchange): boolean {
  return kind !== undefined && messages.length === 1 && givenUp === undefined;
}

/** Ends the waiting for an answer. One that still comes is shown. */
export function giveUp(exchange: Exchange, givenUp: string): void {
  exchanges.value = exchanges.value.map((each) => (each === exchange ? { ...each, givenUp } : each));
  news.value = `${nameOf(exchange.phone)}, ${exchange.kind}: ${givenUp}`;
}

export function forgetAll(): void {
  exchanges.value = [];
  startedAt.clear();
}

function add(exchange: Exchange): void {
  exchanges.value = [exchange, ...exchanges.value].slice(0, keptExchanges);
}

/** Summarizes an answer in a word or two. */
export function summary(term: Term | undefined): string {
  const words = ioWords(term);
  if (words.length > 0) return words.join(' ');
  const tag = term instanceof Tuple ? term.elements[0] : undefined;
  return tag instanceof Atom ? tag.name : 'no term';
}

/** Whether an answer is a refusal. */
export function isRefusal(term: Term | undefined): boolean {
  return refusalOf(term) !== undefined;
}
