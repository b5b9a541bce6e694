import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits, encode } from '../../../src/etf/index.ts';
import { knownKinds } from '../../../src/handlers/index.ts';
import { authenticatorFor } from '../../../src/pipeline/authenticator.ts';
import { noteRedelivery, sessionPhoneOf } from '../../../src/pipeline/session-phone.ts';
import { Worker } from '../../../src/pipeline/worker.ts';
import { readProfile } from '../../../src/protocol/profile.ts';
import { Topics } from '../../../src/protocol/topics.ts';
import type { RequestState } from '../../../src/store/request-state.ts';
import { openLog } from '../../../src/telemetry/log.ts';
import { openMetrics } from '../../../src/telemetry/metrics.ts';
import { profile, refusal } from '../../harness/terms.ts';

const topic = new Topics().readRequest('events/1//api/anon/client/');
assert.ok(topic);
const asked = { client: 'client', event: topic };

const deps = (session: () => Promise<RequestState['session']>) => ({
  authenticator: authenticatorFor('broker', { worker: 'profile-' }),
  context: { requestStates: { session } } as never,
});
const signedIn = deps(async () => ({ phone: '380501112233', tokenHash: '' }));

const sent = (phone: string | []) =>
  readProfile(encode(profile({ phone, status: 'set' })), defaultLimits, knownKinds);

/** What is noted of a redelivery. */
async function noted(of: ReturnType<typeof sent>, by: typeof signedIn): Promise<string[][]> {
  const notes: string[][] = [];
  const redelivery = {
    note: async (phone: string, kind: string) => void notes.push([phone, kind]),
    survived: async () => undefined,
  };
  await noteRedelivery(by, redelivery, { ...asked, sent: of });
  return notes;
}

test('the phone of a session is read; there is none without one', async () => {
  assert.equal(await sessionPhoneOf(signedIn, asked), '380501112233');
  assert.equal(
    await sessionPhoneOf(
      deps(async () => undefined),
      asked,
    ),
    undefined,
  );
});

test('a redelivery without a phone is noted with that of the session', async () => {
  assert.deepEqual(await noted(sent('380509990000'), signedIn), [['380509990000', 'set']]);
  assert.deepEqual(await noted(sent([]), signedIn), [['380501112233', 'set']]);
});

test('nothing is noted without a session, without Redis, or of what cannot be read', async () => {
  const away = deps(async () => {
    throw new Error('Redis is away');
  });
  assert.deepEqual(
    await noted(
      sent([]),
      deps(async () => undefined),
    ),
    [],
  );
  assert.deepEqual(await noted(sent([]), away), []);
  assert.deepEqual(await noted('invalid_data', signedIn), []);
});

test('a request without a phone follows its session, which moves between the two reads', async () => {
  const [old, moved] = ['380500000001', '380500000002'];
  const loaded: string[] = [];
  const requestStates = {
    session: async () => ({ phone: old, tokenHash: '' }),
    async load(_client: string, named: string): Promise<RequestState> {
      loaded.push(named);
      return { session: { phone: moved, tokenHash: '' }, stored: undefined, record: '', refusal: '' };
    },
  };
  const answers: Buffer[] = [];
  const worker = new Worker({
    ...{ context: { requestStates }, authenticator: authenticatorFor('broker', { worker: 'profile-' }) },
    topics: new Topics(),
    rateLimiter: { admit: () => ({}), settle: () => undefined, charge: () => undefined },
    ...{ brokers: [], limits: defaultLimits, replyQos: 1, timeoutMs: 60_000, isStoreAway: () => false },
    ...{ metrics: openMetrics(), log: openLog('silent') },
  } as never);
  await worker.serve({
    topic: 'events/1//api/anon/client/',
    payload: encode(profile({ status: 'get' })),
    broker: { address: 'one', session: 's' },
    reply: async ({ payload }: { payload: Buffer }) => void answers.push(payload),
    acknowledge: () => undefined,
    receivedAt: performance.now(),
    arrivedAfter: performance.now(),
  } as never);
  assert.deepEqual(loaded, [old, moved]);
  assert.deepEqual(answers, [encode(refusal('not_found'))]);
});
