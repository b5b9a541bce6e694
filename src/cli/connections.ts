import { once } from 'node:events';
import { type BrokerClients, openBrokerClients } from '../broker-clients.ts';
import { openDynamicSecurity } from '../mqtt/dynamic-security.ts';
import { readSettings, type Settings } from '../settings.ts';
import { type Database, openRedis } from '../store/redis.ts';
import { openSessions, type Sessions } from '../store/sessions.ts';
import { ownClientId } from './client.ts';
import { CliFault } from './terminal.ts';

/** Redis and the brokers, as the worker's settings in the environment name them. Each is opened when it is first asked for. */
export interface Connections {
  /** @throws SettingsError with all that is missing or malformed. */
  readonly settings: Settings;
  /** The same for those who ask the broker only: Redis need not be named. */
  readonly brokerSettings: Settings;
  /** @throws CliFault when Redis can't be reached. */
  redis(): Promise<Database>;
  sessions(): Promise<Sessions>;
  /** Each broker's list of who may log in. */
  brokerClients(): readonly BrokerClients[];
  close(): Promise<void>;
}

const REDIS_PATIENCE_MS = 5_000;

export function openConnections(env: NodeJS.ProcessEnv): Connections {
  let settings: Settings | undefined;
  let redis: Database | undefined;
  let brokers: readonly BrokerClients[] | undefined;

  const connections: Connections = {
    get settings() {
      settings ??= readSettings(env);
      return settings;
    },
    get brokerSettings() {
      return readSettings({ ...env, REDIS_URL: env.REDIS_URL || 'redis://127.0.0.1' });
    },
    async redis() {
      const { url, keyPrefix, tls } = connections.settings.redis;
      redis ??= openRedis(url, keyPrefix, () => undefined, tls);
      if (!redis.state.connected) await ready(redis);
      return redis;
    },
    sessions: async () => openSessions(await connections.redis()),
    brokerClients() {
      const { urls, username, password, tls } = connections.settings.mqtt;
      const clientId = ownClientId(connections.settings);
      brokers ??= urls.map((url) =>
        openBrokerClients(openDynamicSecurity({ url, clientId, username, password, tls })),
      );
      return brokers;
    },
    async close() {
      await Promise.all((brokers ?? []).map((broker) => broker.close()));
      await redis?.close();
    },
  };
  return connections;
}

/** @throws CliFault with the cause, when Redis does not take commands in time. */
async function ready(redis: Database): Promise<void> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), REDIS_PATIENCE_MS);
  try {
    await once(redis.connection, 'ready', { signal: patience.signal });
  } catch {
    throw new CliFault(`Redis cannot be reached: ${redis.state.cause ?? 'no answer'}`);
  } finally {
    clearTimeout(timer);
  }
}
