/** A client that does what MQTT Explorer does: MQTT 3.1.1, reads everything at QoS 0, publishes UTF-8 text at QoS 0. */
import { randomBytes } from 'node:crypto';
import { eventually, type Harness } from './harness.ts';
import type { Received } from './mqtt-clients.ts';
import { Phone } from './phone.ts';

export interface Seen extends Received {
  readonly text: string;
}

export class Explorer extends Phone {
  /** All that it has received, on any topic. */
  readonly seen: Seen[] = [];

  /** Connect with a client id of its own, which the authentication service knows as the phone's. */
  static async open(harness: Harness, phone: string): Promise<Explorer> {
    const client = `mqtt-explorer-${randomBytes(4).toString('hex')}`;
    await harness.signIn(client, phone);
    const { url } = harness.broker;
    return new Explorer(client, phone).connect(url, { protocolVersion: 4 }, ['#', '$SYS/#'], 0);
  }

  protected override receive(message: Received): void {
    this.seen.push({ ...message, text: message.payload.toString() });
  }

  /** What its button "publish" does. */
  publish(text: string, options: { retain?: boolean; topic?: string } = {}): Promise<void> {
    return this.send(Buffer.from(text), { qos: 0, ...options });
  }

  /** Publish, and wait for the next text on the topic of its answers. */
  async askText(text: string): Promise<string> {
    const before = this.answered().length;
    await this.publish(text);
    await eventually(`an answer to ${text}`, () => this.answered().length > before);
    return this.answered()[before]?.text ?? '';
  }

  answered(): Seen[] {
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

  async leave(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}
