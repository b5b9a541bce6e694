/** A broker, a Redis and workers of a test file's own, and phones that talk to them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { IClientOptions } from 'mqtt';
import { type MosquittoOptions, startMosquitto } from '../../dev/servers/mosquitto.ts';
import type { Server } from '../../dev/servers/process.ts';
import type { RedisOptions } from '../../dev/servers/redis.ts';
import { eventually } from './eventually.ts';
import { Phone } from './phone.ts';
import { openTestRedis, startTestRedis } from './redis-kind.ts';
import { Relay, type RelayOptions } from './relay.ts';
import { startWorker, type WorkerSettings, type WorkerUnderTest } from './worker.ts';

export { eventually } from './eventually.ts';
export type { Phone } from './phone.ts';
export type { WorkerUnderTest } from './worker.ts';

export interface HarnessOptions {
  /** How many workers to start with; default 1. */
  readonly workers?: number;
  /** More settings for each worker. */
  readonly settings?: WorkerSettings;
  readonly broker?: MosquittoOptions;
  /** Makes it a single Redis, whatever `TEST_REDIS` says. */
  readonly redis?: RedisOptions;
}

export interface PhoneOptions {
  /** The MQTT client id; default one that no other has. */
  readonly client?: string;
  /** The number that its session belongs to; default one that no other has. */
  readonly number?: string;
  /** Whether the authentication service knows this client; default true. */
  readonly session?: boolean;
  /** Kept as a hash in its session. */
  readonly token?: string;
  /** More for MQTT.js. */
  readonly mqtt?: IClientOptions;
}

/** Start broker, Redis and workers; `stop` ends all of it. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const [broker, redis] = await Promise.all([
    startMosquitto({ persistence: false, requestLimits: false, ...options.broker }),
    startTestRedis(options.redis),
  ]);
  const harness = new Harness(broker, redis, options.settings ?? {});
  try {
    for (let count = options.workers ?? 1; count > 0; count--) await harness.startWorker();
  } catch (error) {
    await harness.stop();
    throw error;
  }
  return harness;
}

export class Harness {
  readonly broker: Server;
  /** With `TEST_REDIS=sentinel|cluster` it has a URL and can be stopped, nothing more. */
  readonly redis: Server;
  /** For looking into Redis, and for what the authentication service does there. */
  readonly database: Redis;
  readonly workers: WorkerUnderTest[] = [];
  readonly #settings: WorkerSettings;
  readonly #phones: Phone[] = [];
  readonly #relays: Relay[] = [];
  readonly #endings: (() => Promise<unknown>)[] = [];

  constructor(broker: Server, redis: Server, settings: WorkerSettings) {
    this.broker = broker;
    this.redis = redis;
    this.database = openTestRedis(redis.url);
    this.database.on('error', () => undefined); // tests stop Redis
    this.#settings = settings;
    harnesses++;
  }

  /** The first worker. */
  get worker(): WorkerUnderTest {
    const [worker] = this.workers;
    assert.ok(worker);
    return worker;
  }

  /** @param program - of another version of the worker, if it is to be one. */
  async startWorker(settings: WorkerSettings = {}, program?: readonly string[]): Promise<WorkerUnderTest> {
    const all = {
      MQTT_URL: this.broker.url,
      MQTT_CLIENT_ID: `profile-${this.workers.length + 1}`,
      NODE_ENV: 'test',
      REDIS_URL: this.redis.url,
      LOG_LEVEL: 'debug',
      SHUTDOWN_TIMEOUT_MS: '5000',
      // Requests are counted as always, but what a test asks is never too much.
      CLIENT_RATE: '1000000',
      CLIENT_BURST: '1000000',
      // However busy the machine, an STS that answers is not taken for a slow one.
      AWS_FAST_REPLY_MS: '15000',
      ...this.#settings,
      ...settings,
    };
    const worker = await startWorker(all, { program });
    this.workers.push(worker);
    return worker;
  }

  /** Start a relay before the broker or another server; it stops after the workers, which leave through it. */
  async relay(options: RelayOptions = {}, server: { readonly url: string } = this.broker): Promise<Relay> {
    const relay = await Relay.start(server, options);
    this.#relays.push(relay);
    return relay;
  }

  /** Have something done first when the harness stops. */
  onStop(end: () => Promise<unknown>): void {
    this.#endings.push(end);
  }

  /** Connect a client, with a session as the authentication service writes it. */
  async phone(options: PhoneOptions = {}): Promise<Phone> {
    const number = options.number ?? `38050${String(1_000_000 + ++phones)}`;
    const client = options.client ?? `device-${++phones}`;
    if (options.session ?? true) await this.signIn(client, number, options.token);
    const phone = await new Phone(client, number).connect(this.broker.url, options.mqtt ?? {});
    this.#phones.push(phone);
    return phone;
  }

  /** Write a session as the authentication service does. */
  async signIn(client: string, number: string, token?: string): Promise<void> {
    const hash = token === undefined ? {} : { token: createHash('sha256').update(token).digest('hex') };
    await this.database.hset(`session:${client}`, { phone: number, ...hash });
    await this.database.sadd(`sessions:{${number}}`, client);
  }

  /** Wait until no worker has anything in work: the notices of what was answered are then with the broker. */
  async idle(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.idle()));
    const prefix = this.#settings.REDIS_KEY_PREFIX ?? '';
    await eventually('all contacts are notified', async () => {
      const left = await this.database.keys(`${prefix}fan-out*`);
      return left.length === 0;
    });
  }

  /** The sum of a metric over all workers. */
  async metric(name: string): Promise<number> {
    const values = await Promise.all(this.workers.map((worker) => worker.metric(name)));
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** @throws AssertionError when something of it is left after all stages were stopped. */
  async stop(): Promise<void> {
    for (const end of this.#endings) await end();
    await Promise.all(this.#phones.map(({ mqtt }) => mqtt.endAsync(true)));
    await Promise.all(this.workers.map((worker) => worker.process.stop()));
    await Promise.all(this.#relays.map((relay) => relay.stop()));
    this.database.disconnect();
    await Promise.all([this.broker.stop(), this.redis.stop()]);
    if (--harnesses === 0)
      await eventually(`nothing is left open, but: ${handles()}`, () => handles().length === 0);
  }
}

let harnesses = 0;
let phones = 0;

/** Child processes and sockets that keep this process alive. */
function handles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /^(Process|TCP)/.test(name));
}
