import { once } from 'node:events';
import { BrokerAcl } from '../broker-acl/broker.ts';
import { openBrokerClients } from '../broker-acl/client.ts';
import { openDynamicSecurity } from '../broker-acl/dynamic-security.ts';
import { noteEndAt, openAclWorks } from '../broker-acl/index.ts';
import type { SignInDeps } from '../broker-acl/sign-in.ts';
import { readSettings, type Settings } from '../config/settings.ts';
import { Topics } from '../protocol/topics.ts';
import { type Database, openRedis } from '../store/redis/database.ts';
import { openSessions, type Sessions } from '../store/sessions.ts';
import { ownClientId } from './client.ts';
import { CliFault } from './terminal.ts';

/** Connections to Redis and the brokers of the settings. Each opens at its first use. */
export interface Connections {
  /** @throws SettingsError with all missing or malformed settings. */
  readonly settings: Settings;
  /** The settings for commands that use only the broker: REDIS_URL may be missing. */
  readonly brokerSettings: Settings;
  /** The settings for commands that use only Redis: MQTT_URL may be missing. */
  readonly redisSettings: Settings;
  /** The topics of the settings, of which no other needs to be set. */
  readonly topics: Topics;
  /** @throws CliFault when Redis cannot be reached. */
  redis(): Promise<Database>;
  sessions(): Promise<Sessions>;
  /**
   * The list of clients of each broker, and the sessions that it is synced with.
   * @param redisOnly - leaves the brokers alone: their list is empty then.
   */
  brokerAcls(redisOnly?: boolean): Promise<SignInDeps>;
  close(): Promise<void>;
}

const anyUrls = { MQTT_URL: 'mqtt://127.0.0.1', REDIS_URL: 'redis://127.0.0.1' };

/** Servers that the command does not use, where none are named. A name may also be set by a file. */
function withAnyUrls(env: NodeJS.ProcessEnv, names: readonly (keyof typeof anyUrls)[]): NodeJS.ProcessEnv {
  const missing = names.filter((name) => !env[name] && !env[`${name}_FILE`]);
  return { ...env, ...Object.fromEntries(missing.map((name) => [name, anyUrls[name]])) };
}

const REDIS_PATIENCE_MS = 5_000;

export function openConnections(env: NodeJS.ProcessEnv): Connections {
  let settings: Settings | undefined;
  let redis: Database | undefined;
  let isReady: Promise<void> | undefined;
  let acls: Promise<SignInDeps> | undefined;

  const connections: Connections = {
    get settings() {
      settings ??= readSettings(env);
      return settings;
    },
    get brokerSettings() {
      return readSettings(withAnyUrls(env, ['REDIS_URL']));
    },
    get redisSettings() {
      return readSettings(withAnyUrls(env, ['MQTT_URL']));
    },
    get topics() {
      return new Topics(readSettings(withAnyUrls(env, ['MQTT_URL', 'REDIS_URL'])).topics);
    },
    async redis() {
      const { url, keyPrefix, access } = connections.redisSettings.redis;
      redis ??= openRedis(url, keyPrefix, () => undefined, access);
      // It is ready once; its state may say so a little later.
      isReady ??= ready(redis);
      await isReady;
      return redis;
    },
    sessions: async () => openSessions(await connections.redis()),
    async brokerAcls(redisOnly = false) {
      if (redisOnly) return { sessions: await connections.sessions(), brokers: [] };
      const { settings } = connections; // before anything is connected
      acls ??= connections.redis().then((database) => openBrokerAcls(database, settings));
      return acls;
    },
    async close() {
      const { brokers } = (await acls?.catch(() => undefined)) ?? { brokers: [] };
      await Promise.all(brokers.map(({ clients }) => clients.close()));
      await redis?.close();
    },
  };
  return connections;
}

function openBrokerAcls(database: Database, settings: Settings): SignInDeps {
  const { urls, username, password, tls } = settings.mqtt;
  const works = openAclWorks(database, { urls, dynamicSecurity: true });
  const sessions = openSessions(database, noteEndAt(works));
  const topics = new Topics(settings.topics);
  const brokers = works.map((work, index) => {
    const clientId = ownClientId(settings);
    const url = urls[index] ?? '';
    const clients = openBrokerClients(
      openDynamicSecurity({ url, clientId, username, password, tls }),
      topics,
    );
    return new BrokerAcl({ clients, work, sessions });
  });
  return { sessions, brokers };
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
