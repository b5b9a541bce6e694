/** A broker of production that is restarted under load, with workers, and phones that note what it has accepted. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import type { Server } from '../../dev/servers/process.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { signIn } from '../../src/broker-acl/sign-in.ts';
import { encode } from '../../src/etf/index.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { openRegistry } from './device.ts';
import { eventually } from './eventually.ts';
import { type ProductionBroker, startProductionBroker } from './production-broker.ts';
import { feature, profile } from './terms.ts';
import { startWorker, type WorkerUnderTest } from './worker.ts';

/** A phone of MQTT 3.1.1 that comes back by itself and sends again what was not acknowledged. */
interface LastingPhone {
  readonly client: string;
  readonly number: string;
  readonly mqtt: MqttClient;
}

export class RestartedBroker {
  readonly broker: ProductionBroker;
  readonly workers: WorkerUnderTest[] = [];
  readonly phones: LastingPhone[] = [];
  readonly #redis: Server;
  /** What the broker has accepted, by client: the keys of the settings that it asked to store. */
  readonly accepted = new Map<string, string[]>();

  private constructor(broker: ProductionBroker, redis: Server) {
    this.broker = broker;
    this.#redis = redis;
  }

  /** @param phones - how many are signed in and connected; every other one publishes at QoS 2. */
  static async start(
    t: TestContext,
    options: Parameters<typeof startProductionBroker>[0],
    { workers, phones }: { readonly workers: number; readonly phones: number },
  ): Promise<RestartedBroker> {
    const [broker, redis] = await Promise.all([startProductionBroker(options), startRedis()]);
    const own = new RestartedBroker(broker, redis);
    t.after(() => own.#stop());
    // First a worker, as the broker may let in nobody else.
    for (let count = 0; count < Math.max(workers, 1); count++) await own.startWorker();
    await own.#signIn(phones);
    return own;
  }

  get acceptedCount(): number {
    return [...this.accepted.values()].flat().length;
  }

  async startWorker(): Promise<WorkerUnderTest> {
    const worker = await startWorker({
      ...this.broker.settings('worker'),
      MQTT_CLIENT_ID: `profile-${this.workers.length + 1}`,
      REDIS_URL: this.#redis.url,
      CLIENT_RATE: '0',
      SHUTDOWN_TIMEOUT_MS: '5000',
    });
    this.workers.push(worker);
    return worker;
  }

  /** Publish requests, so many for each phone, some each millisecond; returns when the broker has accepted all. */
  async ask(rounds: number, meanwhile: (round: number) => unknown = () => undefined): Promise<void> {
    const publishing: Promise<unknown>[] = [];
    for (let round = 0; round < rounds; round++) {
      publishing.push(Promise.resolve(meanwhile(round)));
      for (const phone of this.phones) publishing.push(this.#set(phone));
      await new Promise((resolve) => setTimeout(resolve, 2 * this.phones.length));
    }
    await Promise.all(publishing);
  }

  /** @returns what the broker accepted and no worker has done, once all workers are idle. */
  async lost(): Promise<string[]> {
    const database = openRedis(this.#redis.url, '', () => undefined);
    const lost: string[] = [];
    for (const worker of this.workers) if (worker.process.pid !== undefined) await worker.idle();
    for (const { client, number } of this.phones) {
      const stored = await database.connection.hgetBuffer(database.keys.profile(number), 'settings');
      const text = stored?.toString('latin1') ?? '';
      lost.push(...(this.accepted.get(client) ?? []).filter((key) => !text.includes(key)));
    }
    await database.close();
    return lost;
  }

  async #set({ client, number, mqtt: connection }: LastingPhone): Promise<void> {
    const key = `K${++asked}.`;
    const request = encode(profile({ phone: number, settings: [feature(key, 'v')], status: 'set' }));
    const qos = this.phones.findIndex((phone) => phone.client === client) % 2 === 0 ? 2 : 1;
    const publish = () => connection.publishAsync('events/1//api/anon//', request, { qos });
    // What is published while MQTT.js resends, it gives up if that connection ends too; a device publishes it again.
    const again = (error: Error): Promise<unknown> => {
      if (error.message !== 'Connection closed') throw error;
      return publish().catch(again);
    };
    await publish().catch(again);
    this.accepted.get(client)?.push(key);
  }

  async #signIn(count: number): Promise<void> {
    const database = openRedis(this.#redis.url, '', () => undefined);
    await eventually('Redis is connected', () => database.state.connected);
    const registry = openRegistry(database, [this.broker]);
    for (let index = 1; index <= count; index++) {
      const [client, phone, token] = [`lasting-${index}`, `38050${2_000_000 + index}`, `token ${index}`];
      assert.equal(await signIn({ client, phone, token }, '00', registry), 'stored');
      const login = { username: client, password: token, ca: this.broker.certificate.cert };
      const kept = { protocolVersion: 4, clean: false, reconnectPeriod: 50 } as const;
      const connection = mqtt.connect(this.broker.server.url, { clientId: client, ...login, ...kept });
      connection.on('error', () => undefined);
      this.accepted.set(client, []);
      this.phones.push({ client, number: phone, mqtt: connection });
      await eventually('it is connected', () => connection.connected);
    }
    await registry.close();
    await database.close();
  }

  async #stop(): Promise<void> {
    await Promise.all(this.phones.map(({ mqtt: connection }) => connection.endAsync(true)));
    await Promise.all(this.workers.map((worker) => worker.process.stop()));
    await Promise.all([this.broker.server.stop(), this.#redis.stop()]);
  }
}

let asked = 0;
