import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import type { Server } from '../../../dev/servers/process.ts';
import { startServices } from '../../../dev/servers/services.ts';
import type { SmtpSink } from '../../../dev/servers/smtp.ts';
import { StartedParts } from '../../../dev/servers/started-parts.ts';
import type { StsServer } from '../../../dev/servers/sts.ts';
import { fleetOf } from '../../../src/store/fleet.ts';
import { openStores, type Stores } from '../../../src/store/index.ts';
import { type Database, openRedis } from '../../../src/store/redis/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { Relay } from '../../harness/relay.ts';
import { Rng } from '../../harness/rng.ts';
import { Fleet } from './fleet.ts';
import { type RedisKind, type RedisUnderTest, startRedisUnderTest } from './redis-kinds.ts';

/** Everything that runs. */
export interface System {
  readonly broker: Server;
  /** Between the workers and the broker; phones connect to the broker directly. */
  readonly brokerRelay: Relay;
  readonly redis: RedisUnderTest;
  readonly mail: SmtpSink;
  readonly sts: StsServer;
  readonly fleet: Fleet;
  /** The stores of the program itself, used without a worker. */
  readonly stores: Stores;
  readonly database: Database;
  /** Logs and settings of the workers. */
  readonly folder: string;
  stop(): Promise<void>;
}

const verifySecret = 'a secret of more than 32 characters';

/** A shorter timeout than the default for a hanging mail server, so that a run reaches it more often. */
const smtpTimeoutMs = 6_000;

/** Starts the servers and the workers. */
export async function startSystem(kind: RedisKind, workers: number, seed: number): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'profile-chaos-'));
  const parts = new StartedParts();
  try {
    const redis = parts.keep(await startRedisUnderTest(kind));
    const broker = parts.keep(await startMosquitto({ requestLimits: false }));
    const brokerRelay = parts.keep(await Relay.start(broker));
    const services = parts.keep(await startServices());
    const database = openRedis(redis.url, '', () => undefined);
    parts.onStop(() => database.close());
    await eventually('Redis is connected', () => database.state.connected);
    const settings = {
      ...services.settings,
      MQTT_URL: brokerRelay.url,
      REDIS_URL: redis.workersUrl,
      CLIENT_RATE: '1000000',
      CLIENT_BURST: '1000000',
      SMTP_TIMEOUT_MS: `${smtpTimeoutMs}`,
      VERIFY_SECRET: verifySecret,
      CREDENTIALS_KEY: Buffer.alloc(32, 'key').toString('base64'),
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
    };
    await mkdir(folder, { recursive: true });
    const fleet = parts.keep(new Fleet(folder, settings, new Rng(seed, 'names')));
    await Promise.all(Array.from({ length: workers }, () => fleet.startReady()));
    const options = {
      doneSeconds: 600,
      verifySecret,
      credentialsKeys: [],
      askingLapseMs: 15_000,
      fleet: fleetOf({ shareGroup: 'profile', urls: [brokerRelay.url] }),
    };
    const stores = openStores(database, options);
    const { smtp: mail, sts } = services;
    return { broker, brokerRelay, redis, mail, sts, fleet, stores, database, folder, stop: parts.stop };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}
