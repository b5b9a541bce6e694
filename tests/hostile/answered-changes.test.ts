/** A change whose request was answered `internal` is not made later, on top of a newer one that was acknowledged. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { atom, decode } from '../../src/etf/index.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { fieldsOf, profile, refusal } from '../harness/terms.ts';

async function start(t: TestContext) {
  const harness = await startHarness({ settings: { REQUEST_DEADLINE_MS: '2000' }, redis: {} });
  t.after(() => harness.stop());
  const { database, worker } = harness;
  const phones = await Promise.all(Array.from({ length: 30 }, () => harness.phone()));
  return {
    worker,
    database,
    phones,
    async set(presence: string) {
      for (const phone of phones)
        await phone.send(profile({ phone: phone.number, presence: atom(presence), status: 'set' }));
    },
    async answers() {
      await eventually('all are answered', () => phones.every(({ answers }) => answers.length > 0));
      return phones.flatMap(({ answers }) => answers.splice(0).map(({ payload }) => decode(payload)));
    },
    async presences() {
      const reads = phones.map(({ number }) => database.hgetBuffer(`profile:{${number}}`, 'presence'));
      return (await Promise.all(reads)).map((presence) => presence?.toString('latin1', 3));
    },
  };
}

test('a change that was answered `internal` while Redis is full is never made', async (t) => {
  const { worker, database, phones, set, answers, presences } = await start(t);
  await database.config('SET', 'maxmemory', '1');
  await set('older');
  for (const answer of await answers()) assert.deepEqual(answer, refusal('internal'));
  await database.config('SET', 'maxmemory', '0');
  await set('newer');
  for (const answer of await answers()) assert.deepEqual(fieldsOf(answer).presence, atom('newer'));

  // Each of the older ones has come to its end, with nothing written.
  const isGivenUp = (entry: object) => JSON.stringify(entry).includes('answered before its change');
  await eventually(
    'the older changes are given up',
    () => worker.log().filter(isGivenUp).length >= phones.length,
  );
  assert.deepEqual(
    await presences(),
    phones.map(() => 'newer'),
  );
});

test('a change waits while too few replicas follow, however long, and is made when that is over', async (t) => {
  const { worker, database, phones, set, answers, presences } = await start(t);
  await set('first');
  await answers();
  await database.config('SET', 'min-replicas-to-write', '1');
  await set('second');
  const repeated = 'profile_redis_calls_total{outcome="repeated"}';
  // The pauses between so many attempts are longer than the deadline.
  await eventually('the changes are tried again and again', async () => {
    return (await worker.metric(repeated)) >= 8 * phones.length;
  });
  assert.equal(phones.flatMap((phone) => phone.answers).length, 0);
  await database.config('SET', 'min-replicas-to-write', '0');
  for (const answer of await answers()) assert.deepEqual(fieldsOf(answer).presence, atom('second'));
  assert.deepEqual(
    await presences(),
    phones.map(() => 'second'),
  );
});
