/** A TCP relay that inspects each packet, and can stop between any two of them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { PacketEnd } from './framing.ts';

/** `up` is from the client to the server. */
export type Direction = 'up' | 'down';

/** Inspects a packet before it is forwarded; `false` keeps it and all later ones in that direction. */
export type Inspect = (packet: Buffer, direction: Direction) => boolean;

export interface RelayOptions {
  /** The server's port on 127.0.0.1. */
  readonly port: number;
  readonly packetEnd: PacketEnd;
  /** Called for each connection. */
  readonly inspector: () => Inspect;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #server: Server;
  readonly #links = new Set<() => void>();
  readonly #waiting = new Set<Socket>();
  /** Whether new clients are connected at once; if not they wait for `admit`. */
  isOpen = true;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (client) => this.#arrived(client));
  }

  static async start(options: RelayOptions): Promise<Relay> {
    const relay = new Relay(options);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many clients wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Connects the waiting clients. */
  admit(): void {
    for (const client of this.#waiting) this.#join(client);
    this.#waiting.clear();
  }

  /** Ends all open connections; the other end still reads what was forwarded before. */
  cut(): void {
    for (const end of this.#links) end();
    this.#links.clear();
  }

  async stop(): Promise<void> {
    this.cut();
    for (const client of this.#waiting) client.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #arrived(client: Socket): void {
    client.on('error', () => undefined); // seen as its 'close'
    client.pause();
    if (this.isOpen) this.#join(client);
    else {
      this.#waiting.add(client);
      client.once('close', () => this.#waiting.delete(client));
    }
  }

  #join(client: Socket): void {
    const server = connect({ port: this.#options.port, host: '127.0.0.1', noDelay: true });
    server.on('error', () => undefined);
    const end = (): void => {
      this.#links.delete(end);
      server.end();
      client.destroy();
    };
    this.#links.add(end);
    client.once('close', end);
    server.once('close', end);
    const inspect = this.#options.inspector();
    this.#pass(client, server, (packet) => inspect(packet, 'up'));
    this.#pass(server, client, (packet) => inspect(packet, 'down'));
    client.resume();
  }

  #pass(from: Socket, to: Socket, inspect: (packet: Buffer) => boolean): void {
    const { packetEnd } = this.#options;
    let rest = Buffer.alloc(0);
    let isStopped = false;
    from.on('data', (bytes) => {
      if (isStopped) return;
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      let at = 0;
      for (let end = packetEnd(rest, at); end !== undefined && !isStopped; end = packetEnd(rest, at)) {
        const packet = rest.subarray(at, end);
        isStopped = !inspect(packet);
        if (!isStopped) to.write(packet);
        at = end;
      }
      rest = rest.subarray(at);
    });
  }
}
