/** Handlers and stores called by a test itself, past broker and worker, where a moment must be met. */
import { defaultLimits, encode, type Term } from '../../src/etf/index.ts';
import type { Request } from '../../src/handlers/outcome.ts';
import { readProfile, type SentProfile } from '../../src/protocol/profile.ts';
import { openStores, type Stores } from '../../src/store/index.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually } from './eventually.ts';
import type { Harness } from './harness.ts';
import type { Phone } from './phone.ts';

/** The stores of the program itself, on the Redis of a stage; closed by `close`. */
export async function openStoresOf(
  harness: Pick<Harness, 'redis'>,
): Promise<{ stores: Stores; close: () => Promise<void> }> {
  const redis = openRedis(harness.redis.url, '', () => undefined);
  await eventually('the stores are connected', () => redis.state.connected);
  const options = {
    doneSeconds: 600,
    verifySecret: 'x'.repeat(32),
    credentialsKeys: [],
    askingLapseMs: 1000,
  };
  return { stores: openStores(redis, options), close: () => redis.close() };
}

/** What a handler is given for a request that a phone's client makes for the first time. */
export function requestOf({ client, number }: Phone, asked: Term, more: Partial<Request> = {}): Request {
  return {
    replyTo: { client },
    sent: readProfile(encode(asked), defaultLimits) as SentProfile,
    phone: number,
    key: 'one request',
    record: '',
    stored: undefined,
    sessionPhone: number,
    redelivered: false,
    isStillOwned: async () => true,
    done: undefined,
    refused: undefined,
    refusal: { key: 'a refusal', record: '' },
    ...more,
  };
}
