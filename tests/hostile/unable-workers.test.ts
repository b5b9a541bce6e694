/**
 * Some workers cannot use their Redis. What they have received, and all that comes, is served by others; when none can, nothing is
 * lost, and all goes on by itself.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { atom } from '../../src/etf/index.ts';
import {
  eventually,
  type Harness,
  type Phone,
  startHarness,
  type WorkerUnderTest,
} from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';
import { startWorker } from '../harness/worker.ts';

type Call = readonly [string, ...string[]];

interface System {
  readonly harness: Harness;
  readonly phones: readonly Phone[];
  ask(...calls: readonly Call[]): Promise<void>;
  urlOf(user: string): string;
  /** Each phone changes its profile. */
  send(presence: string): Promise<void>;
  /** Each phone has an answer with this presence. */
  answered(presence: string): Promise<void>;
}

/** Two workers, each with a Redis user of its own. */
async function start(t: TestContext): Promise<System> {
  const users = ['one', 'two'].map((name) => `user ${name} on >secret ~* &* +@all`).join('\n');
  const harness = await startHarness({ workers: 0, redis: { extraConfig: users } });
  t.after(() => harness.stop());
  const operator = new Redis(harness.redis.url);
  harness.onStop(async () => operator.disconnect());
  const urlOf = (user: string) => harness.redis.url.replace('://', `://${user}:secret@`);
  for (const user of ['one', 'two']) await harness.startWorker({ REDIS_URL: urlOf(user) });
  const phones = await Promise.all(Array.from({ length: 12 }, () => harness.phone()));
  return {
    ...{ harness, phones, urlOf },
    async ask(...calls) {
      for (const [name, ...words] of calls) await operator.call(name, ...words);
    },
    async send(presence) {
      const change = { presence: atom(presence), status: 'set' } as const;
      for (const phone of phones) await phone.send(profile({ phone: phone.number, ...change }));
    },
    async answered(presence) {
      const has = ({ answers }: Phone) => answers.some(({ payload }) => payload.includes(presence));
      await eventually(`all are answered: ${presence}`, () => phones.every(has));
      for (const { answers } of phones) answers.splice(0);
    },
  };
}

const isReady = async (worker: WorkerUnderTest) => (await worker.page('/readyz')).status === 200;
const unready = (worker: WorkerUnderTest, says: RegExp) =>
  eventually(`not ready: ${says}`, async () => says.test((await worker.page('/readyz')).body));

const faults: readonly (readonly [string, RegExp, readonly Call[], readonly Call[]])[] = [
  [
    'a right that is missing',
    /NOPERM/,
    [['ACL', 'SETUSER', 'one', '-hset']],
    [['ACL', 'SETUSER', 'one', '+hset']],
  ],
  [
    'a password that was changed',
    /WRONGPASS/,
    [
      ['ACL', 'SETUSER', 'one', 'resetpass', '>other'],
      ['CLIENT', 'KILL', 'USER', 'one'],
    ],
    [['ACL', 'SETUSER', 'one', 'resetpass', '>secret']],
  ],
];

for (const [what, says, begin, end] of faults)
  test(`${what}: another worker serves what this one has, and it comes back`, async (t) => {
    const { harness, phones, ask, send, answered } = await start(t);
    const [unable, able] = harness.workers as [WorkerUnderTest, WorkerUnderTest];
    await send('before');
    await answered('before');
    await ask(...begin);
    await send('meanwhile');
    await answered('meanwhile');
    await unready(unable, says);
    await unready(unable, /^broker 1: another worker serves its requests$/m);
    assert.ok(await isReady(able));
    await send('without it');
    await answered('without it');
    assert.equal(await able.metric('profile_adopted_sessions_total'), 1);

    await ask(...end);
    await eventually('ready', () => isReady(unable));
    const before = await unable.metric('profile_request_duration_seconds_count{kind="set"}');
    await send('again');
    await answered('again');
    assert.ok((await unable.metric('profile_request_duration_seconds_count{kind="set"}')) > before);
    for (const { answers } of phones) assert.deepEqual(answers, []);
  });

test('no worker can use Redis: requests wait for the first that can again', async (t) => {
  const { harness, ask, send, answered } = await start(t);
  await send('before');
  await answered('before');
  const kill = (user: string): Call => ['CLIENT', 'KILL', 'USER', user];
  for (const user of ['one', 'two']) await ask(['ACL', 'SETUSER', user, 'resetpass', '>other'], kill(user));
  await send('meanwhile');
  for (const worker of harness.workers) await unready(worker, /WRONGPASS/);
  // Nobody has taken over anything, so all are subscribed.
  for (const worker of harness.workers) {
    assert.doesNotMatch((await worker.page('/readyz')).body, /broker/);
    assert.equal(await worker.metric('profile_adopted_sessions_total'), 0);
  }
  await ask(['ACL', 'SETUSER', 'two', 'resetpass', '>secret']);
  await answered('meanwhile');
});

test('a worker that never could use Redis is served by another', async (t) => {
  const { harness, ask, send, answered, urlOf } = await start(t);
  await ask(['ACL', 'SETUSER', 'three', 'on', '>other', '~*', '&*', '+@all']);
  const settings = {
    MQTT_URL: harness.broker.url,
    MQTT_CLIENT_ID: 'profile-3',
    NODE_ENV: 'test',
    REDIS_URL: urlOf('three'),
    SHUTDOWN_TIMEOUT_MS: '1000',
  };
  const third = await startWorker(settings, { ready: /WRONGPASS/ });
  harness.onStop(() => third.process.stop());
  for (const presence of ['one', 'two', 'three']) {
    await send(presence);
    await answered(presence);
  }
  await unready(third, /another worker serves its requests/);
  await ask(['ACL', 'SETUSER', 'three', 'resetpass', '>secret']);
  await eventually('ready', () => isReady(third));
});
