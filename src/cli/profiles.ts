import { randomBytes } from 'node:crypto';
import { recordSeconds } from '../config/settings.ts';
import type { RequestRef } from '../store/idempotency-records.ts';
import { openProfiles, type Profiles } from '../store/profiles.ts';
import { BatchedReads } from '../store/redis/batched-reads.ts';
import type { Connections } from './connections.ts';

/** The profiles in Redis, changed as workers change them: with an idempotency record, though no request reads it. */
export async function profilesOf(connections: Connections): Promise<Profiles> {
  const redis = await connections.redis();
  return openProfiles(redis, new BatchedReads(redis), recordSeconds(connections.settings));
}

/** A change that no other is. */
export function newRequest(phone: string): RequestRef {
  return { phone, key: randomBytes(18).toString('base64url'), record: '' };
}
