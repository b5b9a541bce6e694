/** Clients with several requests in flight, and one that receives everything. */
import assert from 'node:assert/strict';
import type { IPublishPacket } from 'mqtt';
import { eventually, type Phone } from '../../harness/harness.ts';
import { type Answer, answerName, type Kind } from './operation.ts';
import type { Moment } from './state.ts';
import { readAnswer } from './wire.ts';

/** A request with its answers and their times. */
export interface Exchange {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly time: Moment;
  readonly answers: readonly Answer[];
}

interface Waiting {
  readonly answers: Answer[];
  readonly answered: () => void;
}

/** Numbers all events, so that any two can be ordered. */
let events = 0;

/** The longest wait for an answer. */
const patienceMs = 20_000;

/**
 * A client that identifies its answers by MQTT 5 Correlation Data. A client of MQTT 3.1.1 sends one request at a
 * time, and none whose answer could be confused with that of another client's `remove` or `phone`.
 */
export class Device {
  readonly #phone: Phone;
  readonly #hasProperties: boolean;
  readonly #waiting = new Map<string, Waiting>();
  #turn: Promise<unknown> = Promise.resolve();
  #asked = 0;

  constructor(phone: Phone, hasProperties: boolean) {
    this.#phone = phone;
    this.#hasProperties = hasProperties;
    phone.mqtt.on('message', (topic, payload, packet) => {
      if (topic.startsWith('actions/')) this.#onAnswer(readAnswer(payload), packet);
    });
  }

  /** Publishes a request and waits for its answer; for `aws` for the last one. */
  async ask(payload: Buffer, kind: Kind): Promise<Exchange> {
    if (this.#hasProperties) return this.#ask(payload, kind, String(++this.#asked));
    assert.ok(kind !== 'remove' && kind !== 'phone' && kind !== 'aws');
    const exchange = this.#turn.then(() => this.#ask(payload, kind, ''));
    this.#turn = exchange.catch(() => undefined);
    return exchange;
  }

  async #ask(payload: Buffer, kind: Kind, correlation: string): Promise<Exchange> {
    const answers: Answer[] = [];
    const askedAt = ++events;
    const from = Date.now();
    const answered = new Promise<number>((resolve, reject) => {
      const late = () => reject(new Error(`no answer to ${kind} for ${this.#phone.client}`));
      const timer = setTimeout(late, patienceMs);
      const end = () => {
        clearTimeout(timer);
        resolve(++events);
      };
      this.#waiting.set(correlation, { answers, answered: end });
    });
    const properties = this.#hasProperties
      ? { properties: { correlationData: Buffer.from(correlation) } }
      : {};
    await this.#phone.send(payload, { qos: correlation.endsWith('1') ? 2 : 1, ...properties });
    const answeredAt = await answered;
    this.#waiting.delete(correlation);
    return { askedAt, answeredAt, time: { from, to: Date.now() }, answers };
  }

  #onAnswer(answer: Answer, { properties }: IPublishPacket): void {
    const waiting = this.#waiting.get(properties?.correlationData?.toString() ?? '');
    // A `remove` or `phone` of another client answers no request here; the eavesdropper receives it too.
    if (waiting === undefined || (!this.#hasProperties && unaskedNames.includes(answerName(answer)))) return;
    waiting.answers.push(answer);
    if (answerName(answer) !== 'ok aws added') waiting.answered();
  }
}

const unaskedNames = ['profile remove', 'profile phone'];

/** The messages on one topic. */
export interface Overheard {
  readonly topic: string;
  readonly payload: Buffer;
}

/** Receives all answers and all notices to all clients. */
export class Eavesdropper {
  readonly #phone: Phone;

  constructor(phone: Phone) {
    this.#phone = phone;
  }

  async listen(): Promise<void> {
    await this.#phone.mqtt.subscribeAsync(['ses/#', 'actions/#'], { qos: 1 });
  }

  /** All messages since the last call; nothing that the broker accepted before is missing. */
  async received(): Promise<{ answers: readonly Overheard[]; notices: readonly Overheard[] }> {
    await this.#phone.fence();
    await eventually('the eavesdropper is connected', () => this.#phone.mqtt.connected);
    return { answers: this.#phone.answers.splice(0), notices: this.#phone.notices.splice(0) };
  }
}

/** The received messages, by topic. */
export function byTopic(messages: readonly Overheard[]): Map<string, Overheard[]> {
  const topics = new Map<string, Overheard[]>();
  for (const each of messages) topics.set(each.topic, [...(topics.get(each.topic) ?? []), each]);
  return topics;
}
