/** Scripts that one command runs together: each is a separate step, and a failing one harms no other. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { startRedis } from '../../../dev/servers/redis.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { packWords } from '../../../src/store/redis/message-pack.ts';
import { eventually } from '../../harness/eventually.ts';

const server = await startRedis();
const redis = openRedis(server.url, '', () => undefined);
await eventually('Redis is connected', () => redis.state.connected);
after(async () => {
  await redis.close();
  await server.stop();
});

/** Keeps a record, unless it differs from the one that was read. */
const keep = (key: string, read: string, kept: string | Uint8Array) =>
  redis.run('record-refusal', [key, key], ['field', 'field', read, read, kept, 60]);

/** The records of keys, without the two bytes of their age. */
async function recordsOf(...keys: string[]): Promise<Buffer[]> {
  const values = await Promise.all(keys.map((key) => redis.connection.hgetBuffer(key, 'field')));
  return values.map((value) => value?.subarray(2) ?? assert.fail('there is none'));
}

const textsOf = async (...keys: string[]) => (await recordsOf(...keys)).map(String);

async function commands(): Promise<number> {
  const stats = await redis.connection.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test('scripts of one turn are one command, and each gets its own reply, in their order', async () => {
  await keep('warm', '', 'loaded');
  const before = await commands();
  const answers = await Promise.all([
    keep('a', '', 'one'),
    keep('a', 'another', 'two'),
    keep('a', 'one', 'three'),
    keep('b', '', 'four'),
  ]);
  assert.equal((await commands()) - before, 1);
  assert.deepEqual(answers, ['stored', 'done', 'stored', 'stored']);
  assert.deepEqual(await textsOf('a', 'b'), ['three', 'four']);
});

test('a script that Redis refuses is a fault without any values; the other scripts are done', async () => {
  await redis.connection.lpush('a list', 'x');
  const [before, refused, after] = await Promise.allSettled([
    keep('before', '', 'kept'),
    keep('a list', '', 'secret'),
    keep('after', '', 'kept'),
  ]);
  assert.deepEqual(
    [before, after].map(({ status }) => status),
    ['fulfilled', 'fulfilled'],
  );
  assert.ok(refused.status === 'rejected');
  assert.equal(String(refused.reason), 'Fault: redis: WRONGTYPE');
  assert.deepEqual(await textsOf('before', 'after'), ['kept', 'kept']);
});

for (const [what, begin, end] of [
  [
    'has too few replicas',
    ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
    ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
  ],
  ['is a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
] as const) {
  test(`scripts for a server that ${what} are done when it accepts changes again`, async (t) => {
    const operator = new Redis(server.url);
    t.after(() => operator.disconnect());
    const ask = ([name, ...words]: readonly [string, ...string[]]) => operator.call(name, ...words);
    await ask(begin);
    const kept = Promise.all([keep(`${what} 1`, '', 'kept'), keep(`${what} 2`, '', 'kept')]);
    await Promise.race([kept, sleep(300)]);
    await ask(end);
    // It may be done without a reply.
    for (const answer of await kept) assert.ok(answer === 'stored' || answer === 'done');
    assert.deepEqual(await textsOf(`${what} 1`, `${what} 2`), ['kept', 'kept']);
  });
}

test('more scripts than fit in one command are all done', async () => {
  const names = Array.from({ length: 200 }, (_, index) => `many:${index}`);
  const answers = await Promise.all(names.map((name) => keep(name, '', name)));
  assert.deepEqual(new Set(answers), new Set(['stored']));
  assert.deepEqual(await textsOf(...names), names);
});

test('a script with a long argument goes alone, and does the same', async () => {
  const contacts = Array.from({ length: 5000 }, (_, index) => [`1:${index}`, `contact ${index}`]).flat();
  const keys = ['profile', 'contacts', 'verify', 'done', 'removal', 'leaving'];
  const answer = await redis.run('commit-profile', keys, [
    '',
    'v',
    'field',
    '',
    'ok v',
    60,
    0,
    0,
    60,
    packWords(contacts),
  ]);
  assert.equal(answer, 'stored');
  const stored = await redis.connection.hgetall('contacts');
  assert.deepEqual(Object.entries(stored).flat().sort(), contacts.sort());
});

test('texts, numbers and bytes of any kind arrive unchanged', async () => {
  let count = 0;
  const word = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 }));
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 40 }), async (words) => {
      const names = words.map(() => `any:${count++}`);
      await Promise.all(names.map((name, index) => keep(name, '', words[index] ?? '')));
      const kept = await recordsOf(...names);
      assert.deepEqual(
        kept,
        words.map((each) => Buffer.from(each)),
      );
    }),
    { numRuns: 50 },
  );
});
