import { randomBytes } from 'node:crypto';
import { recordSeconds } from '../config/settings.ts';
import type { RequestRef } from '../store/idempotency-records.ts';
import { openProfiles, type Profiles } from '../store/profiles.ts';
import { BatchedReads } from '../store/redis/batched-reads.ts';
import type { Connections } from './connections.ts';

/** The profiles in Redis, changed as workers change them: with an idempotency record, though no request reads it. */
export async function profilesOf(connections: Connections): Promise<Profiles> {
  const { redis, redisSettings: settings } = connections;
  const database = await redis();
  const reads = new BatchedReads(database);
  return openProfiles(database, reads, recordSeconds(settings), settings.profileBytes);
}

/** A change that no other is. */
export function newRequest(phone: string): RequestRef {
  return { phone, key: randomBytes(18).toString('base64url'), record: '' };
}

/** What the store says of a change that it does not take. */
export const refusals = {
  too_large: 'the profile is larger than PROFILE_BYTES',
  not_authorized: 'the phone is just being removed, or moves to another',
  done: 'another import has the same record',
} as const;
