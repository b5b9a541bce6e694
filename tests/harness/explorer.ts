/** A client that does what MQTT Explorer does: MQTT 3.1.1, reads everything at QoS 0, publishes UTF-8 text at QoS 0. */
import { randomBytes } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import { eventually, type Harness } from './harness.ts';

export interface Seen {
  readonly topic: string;
  readonly text: string;
  readonly bytes: Buffer;
  readonly retain: boolean;
}

export class Explorer {
  readonly client: string;
  readonly phone: string;
  readonly #mqtt: MqttClient;
  readonly seen: Seen[] = [];

  private constructor(mqtt: MqttClient, client: string, phone: string) {
    this.#mqtt = mqtt;
    this.client = client;
    this.phone = phone;
    mqtt.on('message', (topic, bytes, { retain }) =>
      this.seen.push({ topic, text: bytes.toString(), bytes, retain }),
    );
  }

  /** Connect with a client id of its own, which the authentication service knows as the phone's. */
  static async connect(harness: Harness, phone: string): Promise<Explorer> {
    const client = `mqtt-explorer-${randomBytes(4).toString('hex')}`;
    await harness.signIn(client, phone);
    const mqtt = await connectAsync(harness.broker.url, {
      clientId: client,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
    });
    const explorer = new Explorer(mqtt, client, phone);
    await mqtt.subscribeAsync(['#', '$SYS/#'], { qos: 0 });
    return explorer;
  }

  /** What its button "publish" does. */
  async publish(text: string, options: { retain?: boolean; topic?: string } = {}): Promise<void> {
    const { topic = 'events/1//api/anon//', retain = false } = options;
    await this.#mqtt.publishAsync(topic, text, { qos: 0, retain });
  }

  /** Publish, and wait for the next text on the topic of its answers. */
  async ask(text: string): Promise<string> {
    const before = this.answers().length;
    await this.publish(text);
    await eventually(`an answer to ${text}`, () => this.answers().length > before);
    return this.answers()[before]?.text ?? '';
  }

  answers(): Seen[] {
    return this.on(`actions/1/api/${this.client}`);
  }

  on(topic: string): Seen[] {
    return this.seen.filter((message) => message.topic === topic);
  }

  /** The newest JSON on a topic; waits for the first. */
  async json(topic: string): Promise<Record<string, unknown>> {
    await eventually(`something on ${topic}`, () => this.on(topic).length > 0);
    return JSON.parse(this.on(topic).at(-1)?.text ?? '');
  }

  leave(): Promise<void> {
    return this.#mqtt.endAsync(true);
  }
}
