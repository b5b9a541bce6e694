import { type Contacts, openContacts } from './contacts.ts';
import { type Credentials, openCredentials } from './credentials.ts';
import { cipherWith } from './encryption.ts';
import { type IdempotencyRecords, openIdempotencyRecords } from './idempotency-records.ts';
import { type Migrations, openMigrations } from './migrations.ts';
import { openProfiles, type Profiles } from './profiles.ts';
import { openQuotas, type Quotas } from './quotas.ts';
import { BatchedReads } from './redis/batched-reads.ts';
import type { Database } from './redis/database.ts';
import { openRemovals, type Removals } from './removals.ts';
import { openRequestStates, type RequestStates } from './request-state.ts';
import { openSessions, type Sessions } from './sessions.ts';
import { openVerifications, type Verifications } from './verifications.ts';

/** What handlers may touch. */
export interface Stores {
  readonly idempotencyRecords: IdempotencyRecords;
  readonly requestStates: RequestStates;
  readonly contacts: Contacts;
  readonly credentials: Credentials;
  readonly quotas: Quotas;
  readonly migrations: Migrations;
  readonly profiles: Profiles;
  readonly removals: Removals;
  readonly sessions: Sessions;
  readonly verifications: Verifications;
}

export interface StoreOptions {
  /** For so long it is known that a request is done; longer than a broker keeps it for redelivery. */
  readonly doneSeconds: number;
  /** Keys the hashes of codes and addresses. */
  readonly verifySecret: string;
  /** 32 bytes each, the first encrypts credentials; without any they are not kept. */
  readonly credentialsKeys: readonly Buffer[];
  /** After so long a worker that asks STS counts as dead. */
  readonly askingLapseMs: number;
  /** Notes that sessions of a phone are about to end or move. */
  readonly noteEnd?: ((phone: string) => Promise<void>) | undefined;
}

export function openStores(redis: Database, options: StoreOptions): Stores {
  const { doneSeconds, verifySecret, credentialsKeys, askingLapseMs, noteEnd } = options;
  const cipher = credentialsKeys.length === 0 ? undefined : cipherWith(credentialsKeys);
  const reads = new BatchedReads(redis);
  const profiles = openProfiles(redis, reads, doneSeconds);
  return {
    idempotencyRecords: openIdempotencyRecords(redis, doneSeconds),
    requestStates: openRequestStates(redis, reads, profiles),
    contacts: openContacts(redis, doneSeconds),
    credentials: openCredentials(redis, cipher, askingLapseMs),
    quotas: openQuotas(redis),
    migrations: openMigrations(redis, doneSeconds),
    profiles,
    removals: openRemovals(redis, doneSeconds),
    sessions: openSessions(redis, noteEnd),
    verifications: openVerifications(redis, verifySecret, doneSeconds),
  };
}
