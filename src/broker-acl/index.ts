import type { BrokerLogin } from '../mqtt/broker.ts';
import type { BrokerConnection } from '../mqtt/connection.ts';
import type { Topics } from '../protocol/topics.ts';
import { type AclWork, openAclWork } from '../store/acl-work.ts';
import type { Database } from '../store/redis/database.ts';
import type { Sessions } from '../store/sessions.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { BrokerAcl } from './broker.ts';
import { openBrokerClients } from './client.ts';
import { openDynamicSecurity } from './dynamic-security.ts';
import { AclSync } from './sync.ts';

/** Keeps the brokers' lists of clients equal to the sessions in Redis, if the worker may change those lists. */
export interface BrokerAclSync {
  /** Start the sync of a phone whose sessions have ended or moved, at every broker, without waiting for it. */
  readonly sync: ((phone: string) => Promise<void>) | undefined;
  /** What is out of sync, a line each. */
  readonly remarks: () => string[];
  stop(): Promise<void>;
}

/** If a worker crashes while it ends a session, the sync of the phone starts after this time. */
const endMs = 5_000;

/** The brokers, and the user of this worker that may change their lists of clients. */
export interface BrokerAclOptions extends Omit<BrokerLogin, 'url'> {
  readonly urls: readonly string[];
  /** Whether workers change the lists. */
  readonly dynamicSecurity: boolean;
  readonly dynamicSecuritySweepMs: number;
}

/** The list of work for each broker; none without `MQTT_DYNAMIC_SECURITY`. */
export function openAclWorks(
  redis: Database,
  { urls, dynamicSecurity }: Pick<BrokerAclOptions, 'urls' | 'dynamicSecurity'>,
): AclWork[] {
  return dynamicSecurity ? urls.map((url) => openAclWork(redis, new URL(url).host)) : [];
}

/** @returns what puts a phone on each broker's list before its sessions end (`openSessions`). */
export function noteEndAt(works: readonly AclWork[]): ((phone: string) => Promise<void>) | undefined {
  if (works.length === 0) return undefined;
  return async (phone) => {
    await Promise.all(works.map((work) => work.note(phone, endMs)));
  };
}

export interface BrokerAclSyncDeps {
  /** One for each broker; none without `MQTT_DYNAMIC_SECURITY`. */
  readonly works: readonly AclWork[];
  readonly sessions: Sessions;
  readonly topics: Topics;
  readonly brokers: readonly BrokerConnection[];
  readonly metrics: Metrics;
  readonly log: Log;
}

export function openBrokerAclSync(
  { urls, clientId, username, password, tls, dynamicSecuritySweepMs: sweepMs }: BrokerAclOptions,
  { works, sessions, topics, brokers, metrics, log }: BrokerAclSyncDeps,
): BrokerAclSync {
  if (works.length === 0) return { sync: undefined, remarks: () => [], stop: async () => undefined };
  const syncs: AclSync[] = [];
  const counted = metrics.brokerAcl(() => works.map((_, index) => syncs[index]?.pending ?? 0));
  for (const [place, work] of works.entries()) {
    const connection = { url: urls[place] ?? '', clientId: `${clientId}-clients`, username, password, tls };
    const clients = openBrokerClients(openDynamicSecurity(connection), topics);
    const number = place + 1;
    const sync = new AclSync({
      acl: new BrokerAcl({ clients, work, sessions }),
      number,
      isThere: () => brokers[place]?.state.connected === true,
      sweepMs,
      synced: (outcome) => counted(number, outcome),
      log,
    });
    syncs.push(sync);
  }
  return {
    async sync(phone) {
      const answers = await Promise.all(works.map((work) => work.note(phone)));
      if (answers.includes('busy'))
        log.warn('the list of phones to sync is full; the sweep finds the others');
      for (const sync of syncs) sync.wake();
    },
    remarks: () => syncs.flatMap((sync) => sync.remark() ?? []),
    async stop() {
      await Promise.all(syncs.map((sync) => sync.stop()));
    },
  };
}
