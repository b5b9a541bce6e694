/** A TCP relay between a client and a server. It can inspect, lose or hold packets, and cut connections. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import type { Certificate } from '../../dev/servers/certificate.ts';
import { chunkEnd, mqttEnd, mqttType, type PacketEnd } from './framing.ts';

/** `up` is from the client to the server. */
export type Direction = 'up' | 'down';

/** Looks at a packet before it goes on; `false` keeps it and all that come behind it in that direction. */
export type Inspect = (packet: Buffer, direction: Direction) => boolean;

export interface RelayOptions {
  /** How packets are cut out of the stream; default: MQTT packets before a broker, before others bytes as they come. */
  readonly packetEnd?: PacketEnd;
  /** Called for each connection. */
  readonly inspector?: () => Inspect;
  /** The server's, where both sides speak TLS. */
  readonly certificate?: Certificate;
}

export class Relay {
  readonly #serverPort: number;
  readonly #protocol: string;
  readonly #options: RelayOptions;
  readonly #listener: Server;
  readonly #links = new Set<() => void>();
  readonly #waiting = new Set<Socket>();
  readonly #held = new Map<Socket, Buffer[]>();
  readonly #sockets = new Set<Socket>();
  readonly #silent = new WeakSet<Socket>();
  #holding: Direction | undefined;
  /** Whether a packet on its way to the server is lost. */
  #loses: (packet: Buffer) => boolean = () => false;
  /** Which packets to the client wait for `sendLate`, while those behind them go on. */
  putsOff: (packet: Buffer) => boolean = () => false;
  readonly #late: { to: Socket; packet: Buffer }[] = [];
  /** How many packets were lost. */
  lost = 0;
  /** How many clients have connected. */
  accepted = 0;
  /** Whether clients that connect get through at once; if not they wait for `admit`. */
  isOpen = true;

  private constructor(server: { readonly url: string }, options: RelayOptions) {
    const { protocol, port } = new URL(server.url);
    this.#protocol = protocol;
    this.#serverPort = Number(port);
    this.#options = options;
    const { certificate } = options;
    const arrived = (client: Socket): void => this.#arrived(client);
    this.#listener = certificate ? createTlsServer({ ...certificate }, arrived) : createServer(arrived);
  }

  /** @param server - on 127.0.0.1; it may come and go. */
  static async start(server: { readonly url: string }, options: RelayOptions = {}): Promise<Relay> {
    const relay = new Relay(server, options);
    await once(relay.#listener.listen(0, '127.0.0.1'), 'listening');
    return relay;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** As the server's, with the port of the relay. */
  get url(): string {
    return `${this.#protocol}//127.0.0.1:${this.port}`;
  }

  /** How many clients wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get heldBytes(): number {
    return [...this.#held.values()].flat().reduce((sum, { length }) => sum + length, 0);
  }

  /** Let those that wait get through. */
  admit(): void {
    for (const client of this.#waiting) this.#join(client);
    this.#waiting.clear();
  }

  /** From now on lose MQTT packets of these types on their way to the server; none to lose nothing. */
  lose(...types: readonly number[]): void {
    this.#loses = (packet) => types.includes(mqttType(packet));
  }

  /** From now on lose the packets that hold these bytes on their way to the server. */
  loseWith(bytes: string): void {
    this.#loses = (packet) => packet.includes(bytes);
  }

  /** From now on keep back what goes in this direction. */
  hold(direction: Direction = 'up'): void {
    this.#holding = direction;
  }

  /** Let all that is held back go, in one write for each connection. */
  release(): void {
    this.#holding = undefined;
    for (const [to, packets] of this.#held) to.write(Buffer.concat(packets));
    this.#held.clear();
  }

  /** Send the first packet that was put off. @returns whether there was one. */
  sendLate(): boolean {
    const late = this.#late.shift();
    late?.to.write(late.packet);
    return late !== undefined;
  }

  /**
   * From now on nothing passes on the connections that there are, and nobody is told, as when a host loses its power. The next
   * are let through.
   */
  silence(): void {
    for (const socket of this.#sockets) this.#silent.add(socket);
  }

  /**
   * End connections; what went on before is still read at the other end. The next are let through.
   * @param choose - which of them; default all.
   * @returns how many were cut.
   */
  cut(choose: <T>(all: readonly T[]) => readonly T[] = (all) => all): number {
    const chosen = choose([...this.#links]);
    for (const end of chosen) end();
    return chosen.length;
  }

  async stop(): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    this.cut();
    for (const client of this.#waiting) client.destroy();
    await closed;
  }

  #arrived(client: Socket): void {
    this.accepted++;
    client.on('error', () => undefined); // seen as its 'close'
    client.setNoDelay(true).pause();
    if (this.isOpen) this.#join(client);
    else {
      this.#waiting.add(client);
      client.once('close', () => this.#waiting.delete(client));
    }
  }

  #join(client: Socket): void {
    const { certificate, inspector } = this.#options;
    const address = { port: this.#serverPort, host: '127.0.0.1' };
    const server = certificate ? tlsConnect({ ...address, ca: certificate.cert }) : connect(address);
    server.setNoDelay(true).on('error', () => undefined);
    const end = (): void => {
      this.#links.delete(end);
      for (const socket of [client, server]) {
        this.#held.delete(socket);
        this.#sockets.delete(socket);
      }
      client.destroy();
      server.end().resume(); // its end is read only then
    };
    this.#links.add(end);
    this.#sockets.add(client).add(server);
    client.once('close', end);
    server.once('close', end);
    const inspect = inspector?.() ?? (() => true);
    this.#pass(client, server, (packet) => inspect(packet, 'up'), 'up');
    this.#pass(server, client, (packet) => inspect(packet, 'down'), 'down');
    client.resume();
  }

  #pass(from: Socket, to: Socket, inspect: (packet: Buffer) => boolean, direction: Direction): void {
    const { packetEnd = this.#protocol.startsWith('mqtt') ? mqttEnd : chunkEnd } = this.#options;
    let rest = Buffer.alloc(0);
    let isStopped = false;
    to.on('drain', () => from.resume());
    from.on('data', (bytes) => {
      if (isStopped || this.#silent.has(from)) return;
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      let at = 0;
      for (let end = packetEnd(rest, at); end !== undefined && !isStopped; end = packetEnd(rest, at)) {
        const packet = rest.subarray(at, end);
        at = end;
        if (direction === 'down' && this.putsOff(packet)) {
          this.#late.push({ to, packet: Buffer.from(packet) });
          continue;
        }
        const isLost = direction === 'up' && this.#loses(packet);
        if (isLost) this.lost++;
        else isStopped = !inspect(packet);
        if (!isLost && !isStopped && !this.#takes(packet, to, direction)) from.pause();
      }
      rest = rest.subarray(at);
    });
  }

  /** Send or hold a packet. @returns whether the receiver takes more; one that is gone takes all. */
  #takes(packet: Buffer, to: Socket, direction: Direction): boolean {
    if (to.destroyed) return true;
    if (this.#holding !== direction) return to.write(packet);
    this.#held.set(to, [...(this.#held.get(to) ?? []), packet]);
    return true;
  }
}
