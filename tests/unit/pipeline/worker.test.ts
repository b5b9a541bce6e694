/** The pipeline of a request where real servers can't fail on demand: brokers and stores are stand-ins here. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { atom, decode, defaultLimits, encode, type Term } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import {
  type BrokerConnection,
  ConnectionClosed,
  type Delivery,
  type Publication,
} from '../../../src/mqtt/connection.ts';
import { openRateLimiter } from '../../../src/pipeline/rate-limiter.ts';
import { Worker } from '../../../src/pipeline/worker.ts';
import { Topics } from '../../../src/protocol/topics.ts';
import { Fault } from '../../../src/store/redis/fault.ts';
import { openLog } from '../../../src/telemetry/log.ts';
import { openMetrics } from '../../../src/telemetry/metrics.ts';
import { rostersOf } from '../../harness/address-books.ts';
import { eventually } from '../../harness/eventually.ts';
import { fieldsOf, profile, refusal } from '../../harness/terms.ts';
import { fragment } from '../protocol/bytes.ts';

const phone = '380501112233';
const get = encode(profile({ phone, status: 'get' }));
const update = encode(profile({ phone, status: 'update' }));

/** A profile with one contact, which has it too. */
const stored = {
  version: 'v',
  update: 5,
  services: fragment([]),
  rosters: fragment(rostersOf({ 1: ['380670000001_1'] })),
  settings: fragment([]),
  balance: fragment(0),
  presence: fragment(atom('online')),
};
const found = { session: { phone, tokenHash: '' }, stored, record: '', refusal: '' };

/** Stores in which a test causes failures. */
const context = (broken: object = {}): Context =>
  ({
    requestStates: { load: async () => found },
    profiles: {
      read: async () => stored,
      change: async (...[, , , decide]: readonly ((profile: typeof stored) => unknown)[]) => {
        decide?.(stored);
        return stored;
      },
    },
    ...broken,
  }) as unknown as Context;

/** A broker that accepts or refuses publications on demand. */
class BrokerStandIn {
  readonly session = 'session';
  readonly address: string;
  readonly published: Publication[] = [];
  accept: () => Promise<void> = async () => undefined;

  constructor(address: string) {
    this.address = address;
  }

  publish(publication: Publication): Promise<void> {
    this.published.push(publication);
    return this.accept();
  }

  get connection(): BrokerConnection {
    return this as unknown as BrokerConnection;
  }
  readonly terms = (): Term[] => this.published.map(({ payload }) => decode(payload));
}

interface Parts {
  readonly broken?: object;
  readonly deadlineMs?: number;
  readonly isStoreAway?: () => boolean;
  /** What noting a fan-out waits for. */
  readonly noted?: () => Promise<void>;
}

function start(parts: Parts = {}) {
  const [broker, other] = [new BrokerStandIn('one'), new BrokerStandIn('other')];
  const [metrics, lines, acknowledged] = [openMetrics(), [] as string[], [] as string[]];
  const noted: string[] = [];
  const worker = new Worker({
    topics: new Topics(),
    context: context(parts.broken),
    rateLimiter: openRateLimiter({ rate: 0, burst: 0, rates: { report: async () => 0 } }),
    poison: { take: async () => assert.fail('nothing is redelivered here') },
    authenticator: { clientOf: ({ client }) => client, phoneOf: () => phone, isServiceId: () => false },
    brokers: [broker.connection, other.connection],
    outboxRelay: { publish: (to, publication) => to.publish(publication) },
    fanOuts: {
      async note(each) {
        noted.push(each);
        await parts.noted?.();
      },
    },
    limits: defaultLimits,
    replyQos: 1,
    replyExpirySeconds: 86_400,
    syncBrokerAcl: undefined,
    timeoutMs: parts.deadlineMs ?? 60_000,
    isStoreAway: parts.isStoreAway ?? (() => false),
    metrics,
    log: openLog('info', { write: (line: string) => void lines.push(line) }),
  });
  const serve = (payload: Buffer, topic = 'events/1//api/anon/client/', from = broker): Promise<void> =>
    worker.serve({
      broker: from.connection,
      topic,
      payload,
      packetId: 1,
      retained: false,
      receivedAt: performance.now(),
      arrivedAfter: performance.now(),
      ...plain,
      isStillOwned: async () => true,
      acknowledge: () => void acknowledged.push(topic),
      reply: (publication) => from.publish(publication),
    } satisfies Delivery);
  return { broker, serve, acknowledged, noted, metrics, lines };
}

const noProperties = { correlationData: undefined, responseTopic: undefined, userProperties: undefined };
const plain = { redelivered: false, charged: 'no', ...noProperties } as const;

/** A promise with its resolve function. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a request is acknowledged only when the broker has accepted its answer', async () => {
  const { broker, serve, acknowledged } = start();
  const { opened, open } = gate();
  broker.accept = () => opened;
  const served = serve(get);
  await eventually('the answer is published', () => broker.published.length > 0);
  await turn();
  assert.deepEqual(acknowledged, []);
  open();
  await served;
  assert.equal(acknowledged.length, 1);
});

test('a request with notices is acknowledged when they are noted, though nobody has them yet', async () => {
  const { opened, open } = gate();
  const { broker, serve, acknowledged, noted } = start({ noted: () => opened });
  const served = serve(update);
  await eventually('the phone is noted', () => noted.length > 0);
  await turn();
  assert.deepEqual(acknowledged, []);
  open();
  await served;
  assert.deepEqual([acknowledged.length, noted], [1, [phone]]);
  assert.deepEqual(
    broker.published.map(({ topic }) => topic),
    ['actions/1/api/client'],
  );
});

test('notices are noted after the answer is accepted', async () => {
  const { opened, open } = gate();
  const { broker, serve, noted } = start();
  broker.accept = () => opened;
  const served = serve(update);
  await eventually('the answer is published', () => broker.published.length > 0);
  await turn();
  assert.deepEqual(noted, []);
  open();
  await served;
  assert.deepEqual(noted, [phone]);
});

test('a request whose answer could not be sent, as this side has left the broker, is not acknowledged', async () => {
  const { broker, serve, acknowledged, lines } = start();
  broker.accept = async () => {
    throw new ConnectionClosed();
  };
  await serve(update);
  assert.deepEqual(acknowledged, []);
  assert.deepEqual(lines, []);
});

for (const [name, error] of [
  ['a fault of Redis', new Fault('redis: OOM', new Error(`HSET profile:{${phone}} secret`))],
  ['a bug', new TypeError('x is not a function')],
] as const) {
  test(`${name} is answered with internal, logged without the client's data, and acknowledged`, async () => {
    const load = () => Promise.reject(error);
    const { broker, serve, acknowledged, metrics, lines } = start({ broken: { requestStates: { load } } });
    await serve(get);
    assert.deepEqual(broker.terms(), [refusal('internal')]);
    assert.equal(acknowledged.length, 1);
    assert.match(
      await metrics.text(),
      /profile_requests_total\{kind="get",result="internal",lane="fast"\} 1/,
    );
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /"level":"error".*"kind":"get".*request failed/);
    assert.ok(!lines[0]?.includes(phone) && !lines[0]?.includes('secret'));
  });
}

test('an answer that the broker refuses is counted and logged, and the request acknowledged', async () => {
  const { broker, serve, acknowledged, metrics, lines } = start();
  broker.accept = () => Promise.reject(new Error('publish refused: quota exceeded'));
  await serve(get);
  assert.equal(broker.published.length, 1);
  assert.equal(acknowledged.length, 1);
  assert.match(await metrics.text(), /profile_publish_refused_total\{kind="answer"\} 1/);
  assert.match(lines[0] ?? '', /"level":"warn".*quota exceeded/);
});

test('a request that outlives the deadline is answered with internal', async () => {
  const { opened, open } = gate();
  const load = () => opened.then(() => found);
  const { broker, serve, acknowledged } = start({ broken: { requestStates: { load } }, deadlineMs: 5 });
  await serve(get);
  assert.deepEqual(broker.terms(), [refusal('internal')]);
  assert.equal(acknowledged.length, 1);
  open();
  await turn();
  assert.equal(broker.published.length, 1);
});

test('while Redis is away the deadline does not count', async () => {
  const { opened, open } = gate();
  const load = () => opened.then(() => found);
  let looks = 0;
  const isStoreAway = () => {
    if (++looks === 3) open();
    return true;
  };
  const { broker, serve } = start({ broken: { requestStates: { load } }, deadlineMs: 5, isStoreAway });
  await serve(get);
  fieldsOf(broker.terms()[0] ?? []);
});

for (const [name, payload, topic] of [
  ['an empty payload', Buffer.alloc(0), undefined],
  ['a term of another service', encode(atom('Auth')), undefined],
  ['an empty client level', get, 'events/1//api/anon//'],
  ['a topic of another form', get, 'events/1//api/anon/client'],
] as const) {
  test(`${name} is acknowledged without an answer`, async () => {
    const { broker, serve, acknowledged } = start();
    await serve(payload, topic);
    assert.deepEqual(broker.published, []);
    assert.equal(acknowledged.length, 1);
  });
}

function withClock(t: TestContext): { now: number } {
  const clock = { now: 0 };
  t.mock.method(performance, 'now', () => clock.now);
  return clock;
}

test('an empty client level is logged at most once a minute', async (t) => {
  const clock = withClock(t);
  const { serve, lines } = start();
  const counts: number[] = [];
  for (const now of [0, 1, 59_999, 60_000, 60_001, 120_000]) {
    clock.now = now;
    await serve(get, 'events/1//api/anon//');
    counts.push(lines.length);
  }
  assert.deepEqual(counts, [1, 1, 1, 2, 2, 3]);
});
