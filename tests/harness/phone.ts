import assert from 'node:assert/strict';
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import { decode, encode, type Term } from '../../src/etf/index.ts';
import { eventually } from './eventually.ts';
import { openClient, type Received } from './mqtt-clients.ts';

/** The topic that clients in the field publish to. */
const bareTopic = 'events/1//api/anon//';

/** How a request is published: to the bare topic, at QoS 2 and without properties unless told otherwise. */
export interface PublishOptions {
  readonly topic?: string;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly properties?: IPublishPacket['properties'];
}

/** A client that asks and listens: to its answers, and to the notices for its number. */
export class Phone {
  readonly client: string;
  readonly number: string;
  /** Received on the topics that are its own, and not taken yet. */
  readonly answers: Received[] = [];
  /** Received on `ses/<number>`, in order. */
  readonly notices: Received[] = [];
  #mqtt: MqttClient | undefined;
  #fences = 0;
  #fencesSeen = 0;

  constructor(client: string, number: string) {
    this.client = client;
    this.number = number;
  }

  /** @param filters - `#` also stands for no level at all, so the default has `actions/1/api/<client>` too. */
  async connect(
    url: string,
    options: IClientOptions,
    filters = this.#ownTopics(),
    qos: 0 | 1 = 1,
  ): Promise<this> {
    this.#mqtt = await openClient(url, { clientId: this.client, ...options }, (message) =>
      this.receive(message),
    );
    await this.#mqtt.subscribeAsync(filters, { qos });
    return this;
  }

  get mqtt(): MqttClient {
    return this.#mqtt ?? assert.fail(`${this.client} is not connected`);
  }

  /** Keep a message for who waits for it. */
  protected receive(message: Received): void {
    if (message.topic.startsWith('fence/')) this.#fencesSeen++;
    else (message.topic.startsWith('ses/') ? this.notices : this.answers).push(message);
  }

  #ownTopics(): string[] {
    return [`actions/1/api/${this.client}/#`, `ses/${this.number}`, `fence/${this.client}`];
  }

  /** Publish a request, a term or ready bytes; done when the broker has it. */
  async send(request: Term | Buffer, options: PublishOptions = {}): Promise<void> {
    const { topic = bareTopic, qos = 2, retain = false, properties } = options;
    const payload = Buffer.isBuffer(request) ? request : encode(request);
    await this.mqtt.publishAsync(topic, payload, { qos, retain, ...(properties && { properties }) });
  }

  /** The next answer; waits for it. */
  async take(): Promise<Received> {
    await eventually(`an answer for ${this.client}`, () => this.answers.length > 0);
    const [answer] = this.answers.splice(0, 1);
    assert.ok(answer);
    return answer;
  }

  /** Publish a request and wait for its answer, which must be the only one. */
  async exchange(request: Term | Buffer, options?: PublishOptions): Promise<Received> {
    assert.deepEqual(this.answers.splice(0), [], 'no answers but those that were asked for');
    await this.send(request, options);
    return this.take();
  }

  /** The term that is answered to a request. */
  async ask(request: Term | Buffer, options?: PublishOptions): Promise<Term> {
    return decode((await this.exchange(request, options)).payload);
  }

  /** Done when everything has arrived that the broker had for this client when it was called. */
  async fence(): Promise<void> {
    const fence = ++this.#fences;
    await this.mqtt.publishAsync(`fence/${this.client}`, '', { qos: 1 });
    await eventually('the fence comes back', () => this.#fencesSeen >= fence);
  }

  /** The terms of the notices that have arrived since the last call. */
  async newNotices(): Promise<Term[]> {
    await this.fence();
    return this.notices.splice(0).map(({ payload }) => decode(payload));
  }
}
