import { createHash, randomBytes } from 'node:crypto';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { type Services, startServices } from '../../dev/servers/services.ts';
import { StartedParts } from '../../dev/servers/started-parts.ts';
import { signIn } from '../../src/broker-acl/sign-in.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { openRegistry } from '../../tests/harness/device.ts';
import { startProductionBroker } from '../../tests/harness/production-broker.ts';
import { startWorker } from '../../tests/harness/worker.ts';
import type { BrokerAddress } from '../load/device.ts';
import type { Session } from './session.ts';

/** Process ids of what is measured. */
export interface Processes {
  readonly broker: readonly number[];
  readonly redis: readonly number[];
  readonly workers: readonly number[];
}

export interface FloodSystem {
  readonly address: BrokerAddress;
  readonly processes: Processes;
  readonly services: Services;
  /** Signs in so many phones. */
  signIn(name: string, count: number): Promise<Session[]>;
  stop(): Promise<void>;
}

/**
 * Starts two workers with default limits, a Redis, a mail server and an STS.
 * @param identity - `broker`: the broker of production, with TLS, its plugins and its rights. `token`: a broker without
 *   the project's plugins, where tokens authenticate clients.
 */
export async function startFloodSystem(identity: 'broker' | 'token'): Promise<FloodSystem> {
  const parts = new StartedParts();
  try {
    const redis = parts.keep(await startRedis());
    const services = parts.keep(await startServices());
    const production = identity === 'broker' ? await startProductionBroker({ persistence: true }) : undefined;
    const broker = parts.keep(production?.server ?? (await startMosquitto({ plugin: false })));
    const database = openRedis(redis.url, '', () => undefined);
    parts.onStop(() => database.close());
    const registry = openRegistry(database, production === undefined ? [] : [production]);
    parts.onStop(() => registry.close());
    const settings = {
      ...(production?.settings('worker') ?? { MQTT_URL: broker.url }),
      REDIS_URL: redis.url,
      ...services.settings,
      CREDENTIALS_KEY: randomBytes(32).toString('base64'),
      CLIENT_IDENTITY: identity,
      SHUTDOWN_TIMEOUT_MS: '2000',
    };
    const workers = [];
    for (const name of ['profile-1', 'profile-2'])
      workers.push(parts.keep((await startWorker({ ...settings, MQTT_CLIENT_ID: name })).process));
    let numbers = 380_500_000_000;
    return {
      address: { host: '127.0.0.1', port: broker.port, ca: production?.certificate.cert.toString() },
      processes: { broker: pidsOf([broker]), redis: pidsOf([redis]), workers: pidsOf(workers) },
      services,
      async signIn(name, count) {
        const sessions: Session[] = [];
        for (let index = 0; index < count; index++) {
          const session = {
            client: `${name}-${index}`,
            phone: `${++numbers}`,
            token: `token-${name}-${index}`,
          };
          await signIn(session, createHash('sha256').update(session.token).digest('hex'), registry);
          sessions.push(session);
        }
        return sessions;
      },
      stop: parts.stop,
    };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

const pidsOf = (servers: readonly { readonly pid: number | undefined }[]): number[] =>
  servers.flatMap(({ pid }) => pid ?? []);
