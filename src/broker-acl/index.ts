import type { Settings } from '../config/settings.ts';
import type { BrokerConnection } from '../mqtt/connection.ts';
import { type AclWork, openAclWork } from '../store/acl-work.ts';
import type { Database } from '../store/redis/database.ts';
import type { Sessions } from '../store/sessions.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { BrokerAcl } from './broker.ts';
import { openBrokerClients } from './client.ts';
import { openDynamicSecurity } from './dynamic-security.ts';
import { AclSync } from './sync.ts';

/** Lets the brokers' lists of who may log in follow the sessions in Redis; for a worker that may change those lists. */
export interface SessionFollowing {
  /** The sessions of a phone have ended or moved: take its clients along, at every broker, without waiting for it. */
  readonly follow: ((phone: string) => Promise<void>) | undefined;
  /** What does not move, a line each. */
  readonly remarks: () => string[];
  stop(): Promise<void>;
}

/** A crash between the end of a session and the note that it has ended is made good after so long. */
const endMs = 5_000;

/** The lists of what is left to do at each broker; none where the settings leave the brokers alone. */
export function openAclWorks(
  redis: Database,
  { urls, dynamicSecurity }: Pick<Settings['mqtt'], 'urls' | 'dynamicSecurity'>,
): AclWork[] {
  return dynamicSecurity ? urls.map((url) => openAclWork(redis, new URL(url).host)) : [];
}

/** Notes at each broker that sessions of a phone are about to end (`openSessions`). */
export function noteEndAt(works: readonly AclWork[]): ((phone: string) => Promise<void>) | undefined {
  if (works.length === 0) return undefined;
  return async (phone) => {
    await Promise.all(works.map((work) => work.note(phone, endMs)));
  };
}

export interface FollowingParts {
  /** One for each broker; none where the settings don't let the worker do it. */
  readonly works: readonly AclWork[];
  readonly sessions: Sessions;
  readonly brokers: readonly BrokerConnection[];
  readonly metrics: Metrics;
  readonly log: Log;
}

export function openFollowing(
  { urls, clientId, username, password, tls, dynamicSecuritySweepMs: sweepMs }: Settings['mqtt'],
  { works, sessions, brokers, metrics, log }: FollowingParts,
): SessionFollowing {
  if (works.length === 0) return { follow: undefined, remarks: () => [], stop: async () => undefined };
  const syncs: AclSync[] = [];
  const counted = metrics.brokerAcl(() => works.map((_, index) => syncs[index]?.pending ?? 0));
  for (const [place, work] of works.entries()) {
    const connection = { url: urls[place] ?? '', clientId: `${clientId}-clients`, username, password, tls };
    const clients = openBrokerClients(openDynamicSecurity(connection));
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
    async follow(phone) {
      const answers = await Promise.all(works.map((work) => work.note(phone)));
      if (answers.includes('busy')) log.warn('too many phones wait for a broker; the sweep finds the others');
      for (const sync of syncs) sync.wake();
    },
    remarks: () => syncs.flatMap((sync) => sync.remark() ?? []),
    async stop() {
      await Promise.all(syncs.map((sync) => sync.stop()));
    },
  };
}
