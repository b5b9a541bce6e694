import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  CONNACK,
  type ConnectOptions,
  connectPacket,
  frame,
  noProperties,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  packet,
  propertiesEnd,
  SUBACK,
  uint16,
  withLength,
} from '../packets.ts';

/** Where the broker listens on this machine. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  /** The authority of its certificate; without it there is no TLS. */
  readonly ca?: string | undefined;
}

export interface DeviceOptions extends ConnectOptions {
  /** Of requests; clients in the field use 2. */
  readonly qos: 1 | 2;
  /** The numbers whose notices it receives. */
  readonly numbers: readonly string[];
  /** Of requests; default the one that clients in the field use. */
  readonly topic?: string | undefined;
}

/** Called for each answer; returns whether it was the request's last one. */
export type Answered = (payload: Buffer) => boolean;

const bareTopic = 'events/1//api/anon//';

/**
 * One phone's connection: MQTT 3.1.1 or 5, one request at a time, answers and notices at QoS 1. It makes its packets itself,
 * because hundreds of phones of a full client library would take more of the machine than what is measured.
 */
export class Device {
  readonly client: string;
  readonly #socket: Socket;
  readonly #qos: 1 | 2;
  readonly #version: 4 | 5;
  readonly #requestTopic: Buffer;
  readonly #answerTopic: string;
  #rest: Buffer = Buffer.alloc(0);
  #packetId = 0;
  #answered: Answered | undefined;
  /** Packets that leave in one write, once all received bytes are read. */
  #out: Buffer[] | undefined;
  /** Called for each notice to one of its numbers. */
  onNotice: () => void = () => undefined;
  /** Called when the connection breaks. */
  onBroken: (error: Error) => void = () => undefined;

  private constructor(
    socket: Socket,
    client: string,
    { qos, topic = bareTopic, version = 4 }: DeviceOptions,
  ) {
    this.#socket = socket;
    this.client = client;
    this.#qos = qos;
    this.#version = version;
    this.#requestTopic = withLength(topic);
    this.#answerTopic = `actions/1/api/${client}`;
  }

  /** @returns a device that is connected and subscribed. */
  static async connect(address: BrokerAddress, client: string, options: DeviceOptions): Promise<Device> {
    const { numbers } = options;
    const socket = await openSocket(address);
    const device = new Device(socket, client, options);
    const filters = [device.#answerTopic, ...numbers.map((number) => `ses/${number}`)];
    await new Promise<void>((resolve, reject) => {
      device.onBroken = reject;
      socket.on('data', (chunk) => device.#read(chunk, filters, resolve));
      socket.on('error', (error) => device.onBroken(error));
      socket.on('close', () => device.onBroken(new Error('the broker closed the connection of a phone')));
      socket.write(connectPacket(client, options));
    });
    return device;
  }

  /** Publishes a request. */
  ask(request: Buffer, answered: Answered): void {
    this.#answered = answered;
    this.#packetId = (this.#packetId % 65_535) + 1;
    const first = this.#qos === 2 ? 0x34 : 0x32;
    const publish = packet(first, [
      this.#requestTopic,
      uint16(this.#packetId),
      ...noProperties(this.#version),
      request,
    ]);
    if (this.#out === undefined) this.#socket.write(publish);
    else this.#out.push(publish);
  }

  /** Publishes a request. @returns the payload of the first answer. */
  answer(request: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      this.ask(request, (payload) => {
        resolve(payload);
        return true;
      });
    });
  }

  /** Sends a ready packet. @returns whether the connection is open. */
  write(bytes: Buffer): boolean {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
    return !this.#socket.destroyed;
  }

  /** Bytes that this process has not passed on yet. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** Reads nothing more. */
  pause(): void {
    this.#socket.pause();
  }

  /** Breaks the connection without a DISCONNECT. */
  disconnect(): void {
    this.onBroken = () => undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer, filters: readonly string[], subscribed: () => void): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const out: Buffer[] = [];
    this.#out = out;
    for (let cut = frame(bytes); cut !== undefined; cut = frame(bytes)) {
      const body = bytes.subarray(cut.start, cut.end);
      const kind = (bytes[0] ?? 0) >> 4;
      if (kind === PUBLISH) this.#receive(body, out);
      else if (kind === PUBREC) out.push(Buffer.of(0x62, 2, body[0] ?? 0, body[1] ?? 0));
      else if (kind === CONNACK) out.push(subscription(filters, this.#version));
      else if (kind === SUBACK) subscribed();
      else if (kind !== PUBACK && kind !== PUBCOMP) {
        this.onBroken(new Error(`the broker sent a packet of kind ${kind}`));
      }
      bytes = bytes.subarray(cut.end);
    }
    this.#rest = bytes;
    this.#out = undefined;
    if (out.length > 0) this.#socket.write(out.length === 1 ? (out[0] ?? '') : Buffer.concat(out));
  }

  #receive(body: Buffer, out: Buffer[]): void {
    const topicEnd = 2 + body.readUInt16BE(0);
    out.push(Buffer.of(0x40, 2, body[topicEnd] ?? 0, body[topicEnd + 1] ?? 0));
    const topic = body.toString('latin1', 2, topicEnd);
    if (topic === this.#answerTopic) {
      const answered = this.#answered;
      this.#answered = undefined;
      const payloadAt = this.#version === 5 ? propertiesEnd(body, topicEnd + 2) : topicEnd + 2;
      if (answered !== undefined && !answered(body.subarray(payloadAt))) this.#answered ??= answered;
    } else this.onNotice();
  }
}

async function openSocket({ host, port, ca }: BrokerAddress): Promise<Socket> {
  if (ca === undefined) {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, 'connect');
    return socket;
  }
  const socket = connectTls({ host, port, ca });
  await once(socket, 'secureConnect');
  return socket.setNoDelay(true);
}

function subscription(filters: readonly string[], version: 4 | 5): Buffer {
  const each = filters.flatMap((filter) => [withLength(filter), Buffer.of(1)]);
  return packet(0x82, [uint16(1), ...noProperties(version), ...each]);
}
