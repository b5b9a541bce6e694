import { openContactSizes } from './contact-sizes.ts';
import { openContacts } from './contacts.ts';
import { openCredentials } from './credentials.ts';
import { cipherWith } from './encryption.ts';
import { openFanOuts } from './fan-outs.ts';
import { openIdempotencyRecords } from './idempotency-records.ts';
import { openMigrations } from './migrations.ts';
import { openProfiles } from './profiles.ts';
import { openQuotas } from './quotas.ts';
import { BatchedReads } from './redis/batched-reads.ts';
import type { Database } from './redis/database.ts';
import { openRemovals } from './removals.ts';
import { openRequestStates } from './request-state.ts';
import { openSessions } from './sessions.ts';
import { openVerifications } from './verifications.ts';

export interface StoreOptions {
  /** For so long it is known that a request is done; longer than a broker keeps it for redelivery. */
  readonly doneSeconds: number;
  /** The quota of a profile; none unless given. */
  readonly profileBytes?: number;
  /** Keys the hashes of codes and addresses. */
  readonly verifySecret: string;
  /** 32 bytes each, the first encrypts credentials; without any they are not kept. */
  readonly credentialsKeys: readonly Buffer[];
  /** After so long a worker that asks STS counts as dead. */
  readonly askingLapseMs: number;
  /** So many clients wait at this worker for another that asks STS. */
  readonly maxWaitingForSts?: number;
  /** Notes that sessions of a phone are about to end or move. */
  readonly noteEnd?: ((phone: string) => Promise<void>) | undefined;
  /** Names the workers of one share group at the same brokers. */
  readonly fleet: string;
}

/** What handlers may touch. */
export type Stores = ReturnType<typeof openStores>;

export function openStores(redis: Database, options: StoreOptions) {
  const {
    doneSeconds,
    profileBytes,
    verifySecret,
    credentialsKeys,
    askingLapseMs,
    maxWaitingForSts,
    noteEnd,
    fleet,
  } = options;
  const cipher = credentialsKeys.length === 0 ? undefined : cipherWith(credentialsKeys);
  const reads = new BatchedReads(redis);
  const profiles = openProfiles(redis, reads, doneSeconds, profileBytes);
  return {
    idempotencyRecords: openIdempotencyRecords(redis, doneSeconds),
    requestStates: openRequestStates(redis, reads, profiles),
    contacts: openContacts(redis, doneSeconds),
    contactSizes: openContactSizes(redis, reads),
    fanOuts: openFanOuts(redis, fleet),
    credentials: openCredentials(redis, cipher, askingLapseMs, maxWaitingForSts),
    quotas: openQuotas(redis),
    migrations: openMigrations(redis, doneSeconds),
    profiles,
    removals: openRemovals(redis, doneSeconds),
    sessions: openSessions(redis, noteEnd),
    verifications: openVerifications(redis, verifySecret, doneSeconds),
  };
}
