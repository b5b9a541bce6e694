/** Handlers and stores called by a test itself, past broker and worker, where a moment must be met. */
import { defaultLimits, encode, type Term } from '../../src/etf/index.ts';
import { fanOutPass } from '../../src/handlers/fan-out.ts';
import type { Context } from '../../src/handlers/handler.ts';
import { knownKinds, type RequestKind, requests } from '../../src/handlers/index.ts';
import type { Outcome, RecordedRequest } from '../../src/handlers/outcome.ts';
import { handleOnce, type Past } from '../../src/pipeline/idempotency.ts';
import { readProfile, type SentProfile } from '../../src/protocol/profile.ts';
import { openStores, type Stores } from '../../src/store/index.ts';
import { type Database, openRedis } from '../../src/store/redis/database.ts';
import { eventually } from './eventually.ts';
import type { Harness } from './harness.ts';
import type { Phone } from './phone.ts';

/**
 * The stores of the program itself, on the Redis of a stage; closed by `close`.
 * @param through - what the stores are given in the place of the database, to stop a step of theirs.
 */
export async function openStoresOf(
  harness: Pick<Harness, 'redis'>,
  through = (redis: Database): Database => redis,
): Promise<{ stores: Stores; close: () => Promise<void> }> {
  const redis = through(openRedis(harness.redis.url, '', () => undefined));
  await eventually('the stores are connected', () => redis.state.connected);
  const options = {
    doneSeconds: 86_700,
    verifySecret: 'x'.repeat(32),
    credentialsKeys: [],
    askingLapseMs: 1000,
    fleet: 'profile@nowhere',
  };
  return { stores: openStores(redis, options), close: () => redis.close() };
}

/** What a handler is given for a request that a phone's client makes for the first time. */
export function requestOf(
  { client, number }: Phone,
  asked: Term,
  more: Partial<RecordedRequest> = {},
): RecordedRequest {
  return {
    replyTo: { client },
    sent: readProfile(encode(asked), defaultLimits, knownKinds) as SentProfile,
    phone: number,
    ref: { phone: more.phone ?? number, key: 'one request', record: '' },
    stored: undefined,
    sessionPhone: number,
    delivery: { redelivered: false, isStillOwned: async () => true },
    admitToRewrite: () => true,
    ...more,
  };
}

/** Handle a request as the pipeline does, from what it has read of the request's past. */
export function carryOut(
  request: RecordedRequest,
  context: Partial<Context>,
  past: Partial<Past> = {},
): Promise<Outcome> {
  const nothing = { word: undefined, refused: undefined, refusal: { key: request.ref.key, record: '' } };
  return handleOnce(
    requests[request.sent.kind as RequestKind],
    request,
    { ...nothing, ...past },
    context as Context,
  );
}

/** What the pipeline does when an outcome's answers are published: its last step, and the notices, which nobody hears. */
export async function finish({ onSent, fanOut }: Outcome, stores: Stores): Promise<void> {
  await onSent?.();
  if (fanOut === undefined) return;
  for (;;) {
    const steps = fanOutPass(fanOut, { ...stores, contactLayout: 'auto' }, (error) => {
      throw error;
    });
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) {
      await step.value.notices();
      await step.value.told();
    }
    if (step.value === 'none') return;
  }
}
