import { EventEmitter, once } from 'node:events';
import { decode, EtfError, encode, type Term } from '../src/etf/index.ts';
import { type Bindings, fill, match, readPattern } from '../src/etf/patterns.ts';
import { type Device, requestTopic } from './phones.ts';
import { topics } from './topics.ts';
import type { Transcript } from './transcript.ts';

/** A message that a device must receive: a pattern in Erlang text, on one topic. */
export interface Received {
  readonly device: Device;
  readonly topic: string;
  readonly pattern: string;
}

/** One request and all messages that must follow from it; no others may. */
export interface Step {
  /** What the step shows, in a few words. */
  readonly about: string;
  readonly by: Device;
  /** The request in Erlang text; earlier steps or `before` have bound its variables. Absent where `before` does something else. */
  readonly sends?: string;
  /** Expected on each topic in this order. A variable that is new here is bound to the received term. */
  readonly expects: readonly Received[];
  /** Messages that the protocol allows besides, at most once each, before the rest. They are said to be skipped, and not counted. */
  readonly allows?: readonly Received[];
  /** Checks of the terms bound here, beyond their place in the pattern. */
  readonly where?: Readonly<Record<string, (term: Term) => boolean>>;
  /** Runs before the request; its result is bound. */
  before?(): Promise<Readonly<Record<string, Term>>> | Readonly<Record<string, Term>>;
  /** Runs after all messages were right. */
  after?(): void;
}

/** Expects an answer, at the asking device or at another device of the same phone. */
export function answer(device: Device, pattern: string): Received {
  return { device, topic: topics.answer(device.client), pattern };
}

/** Expects a notice to all devices of a phone, received by this one. */
export function notice(device: Device, pattern: string): Received {
  return { device, topic: topics.notice(device.phone), pattern };
}

/** A request went wrong: another message than expected arrived, or none in time. */
export class ConversationFault extends Error {
  override readonly name = 'ConversationFault';
}

/** A message that a device received. */
interface Message {
  readonly device: Device;
  readonly topic: string;
  readonly payload: Buffer;
}

/** Publishes a device's request to the broker. */
export type Publish = (device: Device, payload: Buffer) => Promise<void>;

/** Publishes requests one after another, each when all messages of the one before it have arrived. */
export class Conversation {
  readonly #publish: Publish;
  readonly #transcript: Transcript;
  readonly #timeoutMs: number;
  readonly #arrivals = new EventEmitter();
  readonly #unexamined: Message[] = [];
  #bindings: Bindings = new Map();
  #receivedCount = 0;
  #skippedCount = 0;

  /** @param timeoutMs - longest wait for all messages of one request; a busy machine takes tens of seconds. */
  constructor(publish: Publish, transcript: Transcript, timeoutMs = 90_000) {
    this.#publish = publish;
    this.#transcript = transcript;
    this.#timeoutMs = timeoutMs;
  }

  /** How many received answers and notices were right. */
  get receivedCount(): number {
    return this.#receivedCount;
  }

  /** How many received messages were passed over, because the protocol allows them. */
  get skippedCount(): number {
    return this.#skippedCount;
  }

  /** Takes a message that a device received. */
  receive(device: Device, topic: string, payload: Buffer): void {
    this.#transcript.received(topic, payload);
    this.#unexamined.push({ device, topic, payload });
    this.#arrivals.emit('message');
  }

  /** @throws ConversationFault when a message differs from what the step expects, or is missing after the timeout. */
  async take(step: Step): Promise<void> {
    this.#transcript.about(step.about);
    const given = Object.entries((await step.before?.()) ?? {});
    this.#bindings = new Map([...this.#bindings, ...given]);
    if (step.sends !== undefined) await this.#send(step.by, step.sends);
    await this.#receiveAll(step);
    this.expectSilence();
    for (const [variable, holds] of Object.entries(step.where ?? {})) {
      const term = this.#bindings.get(variable);
      if (term === undefined || !holds(term))
        throw new ConversationFault(`${variable} is not what it must be`);
    }
    step.after?.();
  }

  async #send(device: Device, request: string): Promise<void> {
    const payload = encode(fill(readPattern(request), this.#bindings));
    this.#transcript.sent(requestTopic, payload);
    await this.#publish(device, payload);
  }

  /** @throws ConversationFault when a message arrived that no step expects. */
  expectSilence(): void {
    const [extra] = this.#unexamined;
    if (extra !== undefined) throw unasked(extra);
  }

  async #receiveAll({ expects, allows = [] }: Step): Promise<void> {
    const outstanding = [...expects];
    const allowed = [...allows];
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.#timeoutMs);
    try {
      while (outstanding.length > 0) {
        if (this.#unexamined.length === 0) await once(this.#arrivals, 'message', { signal: deadline.signal });
        const message = this.#unexamined.shift();
        if (message !== undefined && !this.#isAllowed(message, allowed)) this.#examine(message, outstanding);
      }
    } catch (error) {
      if (!deadline.signal.aborted) throw error;
      const missing = outstanding.map(({ topic, pattern }) => `  ${topic} ${pattern}`);
      throw new ConversationFault(`not received within ${this.#timeoutMs} ms:\n${missing.join('\n')}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the message is one of `allowed`; removes it there. */
  #isAllowed(message: Message, allowed: Received[]): boolean {
    const index = allowed.findIndex(
      ({ device, topic, pattern }) =>
        device === message.device && topic === message.topic && this.#compare(pattern, message) !== undefined,
    );
    if (index < 0) return false;
    allowed.splice(index, 1);
    this.#skippedCount++;
    this.#transcript.about(
      `skipped the message on ${message.topic}: the protocol allows it before an answer that takes long`,
    );
    return true;
  }

  #compare(pattern: string, { payload }: Message): Bindings | undefined {
    return compare(pattern, payload, this.#bindings);
  }

  /** Removes the message's pattern from `outstanding`. */
  #examine(message: Message, outstanding: Received[]): void {
    const index = outstanding.findIndex(
      ({ device, topic }) => device === message.device && topic === message.topic,
    );
    const [expected] = index < 0 ? [] : outstanding.splice(index, 1);
    if (expected === undefined) throw unasked(message);
    const found = this.#compare(expected.pattern, message);
    if (found === undefined) {
      throw new ConversationFault(`on ${expected.topic} this was expected:\n  ${expected.pattern}`);
    }
    this.#bindings = found;
    this.#receivedCount++;
  }
}

function compare(pattern: string, payload: Buffer, bindings: Bindings): Bindings | undefined {
  try {
    return match(readPattern(pattern), decode(payload), bindings);
  } catch (error) {
    if (error instanceof EtfError) return undefined;
    throw error;
  }
}

function unasked({ device, topic }: Message): ConversationFault {
  return new ConversationFault(`${device.client} received on ${topic} what no request has asked for`);
}
