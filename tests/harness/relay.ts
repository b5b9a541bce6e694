import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import type { Certificate } from '../../dev/servers/certificate.ts';

/** MQTT control packets by their type (MQTT 5.0, 2.1.2). */
const packetTypes = { publish: 3, puback: 4 } as const;

export type PacketType = keyof typeof packetTypes;

/** Stands between a worker and a server, and can hold back or lose what the worker sends. */
export interface Relay {
  readonly port: number;
  /** From now on lose MQTT packets of these types on their way to the server; none to lose nothing. */
  swallow(...types: readonly PacketType[]): void;
  /** From now on lose the MQTT packets that hold these bytes on their way to the server. */
  swallowWith(bytes: string): void;
  /** How many were lost. */
  swallowed(): number;
  /** From now on let nothing pass to the server; `false` lets it all pass, also what was held back. */
  hold(on: boolean): void;
  /** Break all connections; the next are let through. */
  cut(): void;
  stop(): Promise<void>;
}

/**
 * @param serverPort - on 127.0.0.1.
 * @param protocol - of `mqtt` packets can be lost.
 * @param certificate - the server's, where both sides speak TLS.
 */
export async function startRelay(
  serverPort: number,
  protocol: 'mqtt' | 'other',
  certificate?: Certificate,
): Promise<Relay> {
  const clients = new Set<Socket>();
  let losing: readonly number[] = [];
  let losingWith: string | undefined;
  let lost = 0;
  let holding = false;
  const isLost = (packet: Buffer): boolean => {
    const isWith = losingWith !== undefined && packet.includes(losingWith);
    const loses = isWith || losing.includes((packet[0] ?? 0) >> 4);
    if (loses) lost++;
    return loses;
  };
  const toServer = (): Socket =>
    certificate === undefined
      ? connect(serverPort, '127.0.0.1')
      : tlsConnect({ port: serverPort, host: '127.0.0.1', ca: certificate.cert });
  const listen = (relay: (client: Socket) => void) =>
    certificate === undefined ? createServer(relay) : createTlsServer({ ...certificate }, relay);
  const listener = listen((client) => {
    const server = toServer();
    const split = protocol === 'mqtt' ? packetSplitter() : (bytes: Buffer) => [bytes];
    client.on('data', (bytes) => {
      for (const packet of split(bytes)) if (!isLost(packet)) server.write(packet);
    });
    if (holding) client.pause();
    server.on('data', (bytes) => client.write(bytes));
    clients.add(client);
    for (const [socket, other] of [[client, server] as const, [server, client] as const]) {
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => {
        clients.delete(client);
        other.destroy();
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    swallow(...types) {
      losing = types.map((type) => packetTypes[type]);
    },
    swallowWith(bytes) {
      losingWith = bytes;
    },
    swallowed: () => lost,
    hold(on) {
      holding = on;
      for (const client of clients) {
        if (on) client.pause();
        else client.resume();
      }
    },
    cut() {
      for (const client of clients) client.destroy();
    },
    async stop() {
      const closed = once(listener, 'close');
      listener.close();
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}

/** Cuts a stream of bytes into whole packets. */
function packetSplitter(): (bytes: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const packets: Buffer[] = [];
    for (let length = packetLength(rest); length <= rest.length; length = packetLength(rest)) {
      packets.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    return packets;
  };
}

/** Of the packet that begins here, with its header; infinite while that is not known (MQTT 5.0, 1.5.5). */
function packetLength(bytes: Buffer): number {
  let length = 0;
  for (let at = 1; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) return at + 1 + length;
  }
  return Number.POSITIVE_INFINITY;
}
