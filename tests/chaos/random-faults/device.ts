import { Socket } from 'node:net';
import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { Topics } from '../../../src/protocol/topics.ts';

/** The topic where clients in the field publish; the broker inserts the client id. */
const topic = 'events/1//api/anon//';

/** Longer than any combination of faults delays an answer. */
const patienceMs = 75_000;

/** PUBACK and PUBREC reason code (MQTT 5.0, 3.4.2.1). */
const NO_MATCHING_SUBSCRIBERS = 0x10;

/** Classifies a payload for the waiting request: its last answer, an answer that another follows, or not its own. */
const answerTopic = (client: string): string => new Topics().answer(client);

export type Judgement = 'last' | 'more' | 'stray';

/** A request and its outcome; times are milliseconds of `performance.now()`. */
export interface Exchange {
  readonly sentAt: number;
  /** Infinite if no answer arrived. */
  readonly answeredAt: number;
  readonly answer: Buffer | undefined;
  /** The broker reported that nobody subscribed: it has dropped the request. */
  readonly hasNoSubscriber: boolean;
  /** Messages that arrived meanwhile and did not fit; without Correlation Data also repeats of older answers. */
  readonly strays: readonly Buffer[];
}

interface Waiting {
  readonly judge: (payload: Buffer) => Judgement;
  readonly strays: Buffer[];
  readonly end: (answer: Buffer | undefined, hasNoSubscriber?: boolean) => void;
  messageId: number;
}

export interface DeviceOptions {
  /** With MQTT 5 each request has Correlation Data; with 3.1.1 (4) send one at a time. */
  readonly version: 4 | 5;
  readonly qos: 1 | 2;
  /** One more topic to subscribe to. */
  readonly filter?: string;
  /** Its phone's number. Without it a restarted broker drops messages to that number until the client is back. */
  readonly username?: string;
}

/** One MQTT client of a phone. The broker keeps its session while it is away. */
export class Device {
  readonly client: string;
  readonly version: 4 | 5;
  readonly #qos: 1 | 2;
  readonly #mqtt: MqttClient;
  readonly #waiting = new Map<string, Waiting>();
  #requests = 0;
  /** Answers to requests that were answered before, identified by their Correlation Data. */
  repeats = 0;
  /** Called for messages that no request waits for: notices, and answers without Correlation Data. */
  onOther: (payload: Buffer) => void = () => undefined;

  private constructor(mqtt: MqttClient, client: string, { version, qos }: DeviceOptions) {
    this.#mqtt = mqtt;
    this.client = client;
    this.version = version;
    this.#qos = qos;
    mqtt.on('error', () => undefined); // The client connects again.
    mqtt.on('connect', () => withoutDelay(mqtt));
    mqtt.on('message', (from, payload, packet) => this.#received(from, payload, packet));
    mqtt.on('packetreceive', (packet) => {
      const isDropped =
        (packet.cmd === 'puback' || packet.cmd === 'pubrec') && packet.reasonCode === NO_MATCHING_SUBSCRIBERS;
      if (isDropped) this.#dropped(packet.messageId ?? 0);
    });
    withoutDelay(mqtt);
  }

  static async connect(url: string, client: string, options: DeviceOptions): Promise<Device> {
    const mqtt = await connectAsync(url, clientOptions(client, options));
    const device = new Device(mqtt, client, options);
    const filters = [answerTopic(client), ...(options.filter === undefined ? [] : [options.filter])];
    await mqtt.subscribeAsync(filters, { qos: 1 });
    return device;
  }

  /** How many requests wait for their answer. */
  get inFlight(): number {
    return this.#waiting.size;
  }

  /** Publishes a request and waits for its answer. */
  ask(request: Buffer, judge: (payload: Buffer) => Judgement): Promise<Exchange> {
    const id = this.version === 5 ? `${++this.#requests}` : '';
    const sentAt = performance.now();
    return new Promise((resolve) => {
      const strays: Buffer[] = [];
      const end = (answer: Buffer | undefined, hasNoSubscriber = false): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        const answeredAt = answer === undefined ? Number.POSITIVE_INFINITY : performance.now();
        resolve({ sentAt, answeredAt, answer, hasNoSubscriber, strays });
      };
      const timer = setTimeout(() => end(undefined), patienceMs);
      const waiting: Waiting = { judge, strays, end, messageId: 0 };
      this.#waiting.set(id, waiting);
      const properties = id === '' ? {} : { properties: { correlationData: Buffer.from(id) } };
      this.#mqtt.publish(topic, request, { qos: this.#qos, ...properties });
      waiting.messageId = this.#mqtt.getLastMessageId();
    });
  }

  async close(): Promise<void> {
    await this.#mqtt.endAsync(true);
  }

  #received(from: string, payload: Buffer, { properties }: IPublishPacket): void {
    const id = properties?.correlationData?.toString() ?? '';
    const waiting = from === answerTopic(this.client) ? this.#waiting.get(id) : undefined;
    if (waiting === undefined) {
      if (id === '') this.onOther(payload);
      else this.repeats++;
      return;
    }
    const judgement = waiting.judge(payload);
    if (judgement === 'last') waiting.end(payload);
    else if (judgement === 'stray' && id !== '') waiting.end(payload);
    else if (judgement === 'stray') {
      waiting.strays.push(payload);
      this.onOther(payload);
    }
  }

  #dropped(messageId: number): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.messageId === messageId) waiting.end(undefined, true);
    }
  }
}

function clientOptions(clientId: string, { version, username }: DeviceOptions): IClientOptions {
  return {
    clientId,
    ...(username !== undefined && { username }),
    protocolVersion: version,
    clean: false,
    keepalive: 60,
    reconnectPeriod: 300,
    connectTimeout: 10_000,
    ...(version === 5 && { properties: { sessionExpiryInterval: 3_600 } }),
  };
}

/** Otherwise QoS 2 waits for delayed acknowledgements. */
function withoutDelay(mqtt: MqttClient): void {
  if (mqtt.stream instanceof Socket) mqtt.stream.setNoDelay(true);
}
