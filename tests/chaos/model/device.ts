/** Clients with several requests under way, and one that hears everything. */
import assert from 'node:assert/strict';
import type { IPublishPacket } from 'mqtt';
import { eventually, type Phone } from '../../harness/harness.ts';
import { type Answer, answerName, type Kind } from './operation.ts';
import type { Moment } from './state.ts';
import { readAnswer } from './wire.ts';

/** A request with its answers, and when that was. */
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

/** Counts what happens, so that it is known of any two events which was first. */
let events = 0;

/** How long an answer may take. */
const patienceMs = 20_000;

/**
 * A client that asks, and knows its answers: by MQTT 5 Correlation Data; one of MQTT 3.1.1 asks one thing at a time, and
 * nothing that another client's `remove` could be taken for an answer to.
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
      if (topic.startsWith('actions/')) this.#heard(readAnswer(payload), packet);
    });
  }

  /** Publish a request and wait for its answer; for `aws` for the last one. */
  async ask(payload: Buffer, kind: Kind): Promise<Exchange> {
    if (this.#hasProperties) return this.#ask(payload, kind, String(++this.#asked));
    assert.ok(kind !== 'remove' && kind !== 'aws');
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

  #heard(answer: Answer, { properties }: IPublishPacket): void {
    const waiting = this.#waiting.get(properties?.correlationData?.toString() ?? '');
    // A `remove` that another client asked for answers nothing; the eavesdropper has heard it too.
    if (waiting === undefined || (!this.#hasProperties && answerName(answer) === 'profile remove')) return;
    waiting.answers.push(answer);
    if (answerName(answer) !== 'ok aws added') waiting.answered();
  }
}

/** What was published on one topic. */
export interface Overheard {
  readonly topic: string;
  readonly payload: Buffer;
}

/** Hears all answers and all notices, whoever they are for. */
export class Eavesdropper {
  readonly #phone: Phone;

  constructor(phone: Phone) {
    this.#phone = phone;
  }

  async listen(): Promise<void> {
    await this.#phone.mqtt.subscribeAsync(['ses/#', 'actions/#'], { qos: 1 });
  }

  /** All since the last call; nothing that the broker has taken before is missing. */
  async heard(): Promise<{ answers: readonly Overheard[]; notices: readonly Overheard[] }> {
    await this.#phone.fence();
    await eventually('the eavesdropper is connected', () => this.#phone.mqtt.connected);
    return { answers: this.#phone.answers.splice(0), notices: this.#phone.notices.splice(0) };
  }
}

/** What was overheard, by its topic. */
export function byTopic(heard: readonly Overheard[]): Map<string, Overheard[]> {
  const topics = new Map<string, Overheard[]>();
  for (const each of heard) topics.set(each.topic, [...(topics.get(each.topic) ?? []), each]);
  return topics;
}
