/** What a broker takes of memory, and a client that takes nothing from its socket. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { generate, type Packet, parser } from 'mqtt-packet';
import type { Server } from '../../dev/servers/process.ts';

export const mebibyte = 1_048_576;

/** The resident memory of a broker, in bytes. */
export function brokerMemory({ pid }: Server): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** A client of MQTT 5 that answers nothing by itself. */
export class RawClient {
  readonly received: Packet[] = [];
  readonly #socket: Socket;
  readonly #parser = parser({ protocolVersion: 5 });
  #wake: () => void = () => undefined;

  private constructor(url: string) {
    this.#socket = connect(Number(new URL(url).port), '127.0.0.1');
    this.#socket.on('data', (bytes) => this.#parser.parse(bytes));
    this.#socket.on('error', () => undefined);
    this.#parser.on('packet', (packet) => {
      this.received.push(packet);
      this.#wake();
    });
  }

  static async connect(url: string, clientId: string): Promise<RawClient> {
    const client = new RawClient(url);
    const connect = { protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 0 } as const;
    await client.send({ cmd: 'connect', clientId, ...connect });
    await client.packet('connack');
    return client;
  }

  /** Send, and wait until the socket has room for more. */
  async send(packet: Packet): Promise<void> {
    if (this.#socket.write(generate(packet, { protocolVersion: 5 }))) return;
    await new Promise<void>((resolve) => this.#socket.once('drain', () => resolve()));
  }

  async packet(cmd: Packet['cmd']): Promise<Packet> {
    for (;;) {
      const found = this.received.find((packet) => packet.cmd === cmd);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    await this.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] });
    await this.packet('suback');
  }

  /** Read nothing from now on. */
  stopReading(): void {
    this.#socket.pause();
  }

  end(): void {
    this.#socket.destroy();
  }
}
