import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import type { BrokerConnection, ConnectionOptions, Delivery } from '../../src/mqtt/connection.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function eventually(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !condition(); await delay(5)) {
    if (Date.now() > end) assert.fail(`not within ${timeoutMs} ms: ${what}`);
  }
}

/** A Mosquitto of our own, with its own port and folder. */
export class Mosquitto {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'mqtt-connection-'));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(config: readonly string[] = [], acl: readonly string[] = []): Promise<Mosquitto> {
    const broker = new Mosquitto(await freePort());
    await broker.restart(config, acl);
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Start it once more after `stop`, with what it persisted. */
  async restart(config: readonly string[] = [], acl: readonly string[] = []): Promise<void> {
    const file = join(this.#folder, 'mosquitto.conf');
    const lines = [
      `listener ${this.port} 127.0.0.1`,
      'allow_anonymous true',
      'user root',
      'set_tcp_nodelay true',
      'log_dest none',
      `persistence_location ${this.#folder}/`,
      ...config,
    ];
    if (acl.length > 0) {
      writeFileSync(join(this.#folder, 'acl'), `${acl.join('\n')}\n`);
      lines.push(`acl_file ${join(this.#folder, 'acl')}`);
    }
    writeFileSync(file, `${lines.join('\n')}\n`);
    const started = spawn('/usr/sbin/mosquitto', ['-c', file], { stdio: 'ignore' });
    this.#process = started;
    for (let answers = false; !answers; ) {
      const socket = connectSocket(this.port, '127.0.0.1');
      answers = await once(socket, 'connect').then(
        () => true,
        () => delay(10, false),
      );
      socket.destroy();
      assert.equal(started.exitCode, null, 'Mosquitto ended');
    }
  }

  async stop(): Promise<void> {
    const stopping = this.#process;
    this.#process = undefined;
    if (!stopping) return;
    stopping.kill('SIGTERM'); // Mosquitto saves its database
    await once(stopping, 'exit');
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Stands between a client and the broker, so that a connection can be cut without either knowing. */
export class CuttableProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#server = createServer((client) => {
      const broker = connectSocket(port, '127.0.0.1').setNoDelay(true);
      for (const [from, to] of [[client.setNoDelay(true), broker] as const, [broker, client] as const]) {
        this.#sockets.add(from);
        from.on('error', () => undefined).on('close', () => to.destroy());
        from.pipe(to);
      }
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }
}

let lastNumber = 0;
/** Names of its own for each test, since all share one broker. */
export function names(): { clientId: string; filter: string; topic: string } {
  const number = ++lastNumber;
  return { clientId: `worker-${number}`, filter: `$share/profile/in${number}/#`, topic: `in${number}` };
}

export function options(url: string, part: Partial<ConnectionOptions> = {}): ConnectionOptions {
  const base = { url, clientId: 'worker', filter: '$share/profile/in/#' };
  return { ...base, receiveMaximum: 256, sessionExpirySeconds: 60, ...part };
}

export async function subscribed(t: TestContext, connection: BrokerConnection): Promise<BrokerConnection> {
  t.after(() => connection.close());
  await eventually('subscribed', () => connection.state.subscribed);
  return connection;
}

export async function publisher(t: TestContext, url: string): Promise<MqttClient> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, log: () => undefined });
  t.after(() => client.endAsync(true));
  return client;
}

/** Publish `in…/0` to `in…/<count - 1>`; resolved when the broker has all. */
export async function publishAll(client: MqttClient, topic: string, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n);
  await Promise.all(numbers.map((n) => client.publishAsync(`${topic}/${n}`, `payload ${n}`, { qos: 1 })));
}

export const topicsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ topic }) => topic);
