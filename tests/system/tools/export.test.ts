/** `profilectl export --all`: every profile into a file, and back. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { startCluster } from '../../../dev/servers/cluster.ts';
import { atom, encode, type Term } from '../../../src/etf/index.ts';
import { startDumpStores } from '../../harness/dump-stores.ts';
import { contact, feature, profile, roster, service } from '../../harness/terms.ts';
import { terms } from '../../unit/etf/arbitrary.ts';

const { dump, store, close } = await startDumpStores({ workers: 0 });
after(close);

test('an export is read back byte for byte, from a single Redis into a Cluster and back', async (t) => {
  const cluster = await startCluster();
  t.after(() => cluster.stop());
  const [first, second, third] = [store('first:'), store('', cluster.url), store('back:')];
  await first.import(dump('list.etf'));
  const expected = Object.entries(await first.snapshot()).filter(([key]) => !key.startsWith('session'));
  const files = [dump('export.etf'), dump('export.erl')] as const;
  assert.equal((await first.call('export', '--all', '--file', files[0])).exitCode, 0);
  assert.equal((await first.call('export', '--all', '--file', files[0])).exitCode, 1);
  assert.equal((await second.import(files[0])).exitCode, 0);
  assert.deepEqual(Object.entries(await second.snapshot()).sort(), expected.sort());
  assert.equal((await second.call('export', '--all', '--to', 'erlang', '--file', files[1])).exitCode, 0);
  assert.equal((await third.import(files[1])).exitCode, 0);
  assert.deepEqual(Object.entries(await third.snapshot()).sort(), expected.sort());
  assert.equal((await stat(files[1])).mode & 0o777, 0o600);
});

/** A profile that holds any terms where the protocol carries them through. */
const anyProfile = fc.record({
  value: terms,
  data: terms,
  lastMessage: terms,
  update: fc.integer({ min: 0, max: 2 ** 41 }),
  balance: fc.oneof(fc.integer(), fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n })),
  presence: fc.constantFrom<Term>([], atom('online'), atom('відійшла'), atom('undefined')),
  ids: fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { maxLength: 3 }),
});

test('whatever profiles hold is the same after an export and an import', async () => {
  let run = 0;
  const property = fc.asyncProperty(fc.array(anyProfile, { minLength: 100, maxLength: 100 }), async (all) => {
    const messages = all.map(({ value, data, lastMessage, update, balance, presence, ids }, index) => {
      const friend = contact({ phoneId: `${380_600_000_000 + index}_1`, lastMessage });
      const rosters = ids.map((id, place) => (place === 1 ? id : roster({ id, userlist: [friend] })));
      const services = [service({ id: 'a', type: atom('vox'), data })];
      const settings = [feature('KEY', value)];
      const phone = String(380_500_000_000 + index);
      return encode(
        profile({ phone, services, rosters, settings, update, balance, presence, status: 'get' }),
      );
    });
    const [first, second] = [store(`any-${run}:`), store(`same-${run}:`)];
    const files = [dump(`any-${run}.etf`), dump(`same-${run}.etf`)] as const;
    run++;
    writeFileSync(files[0], Buffer.concat(messages));
    const { exitCode, counts, stderr } = await first.import(files[0]);
    assert.deepEqual([exitCode, counts.profiles.imported], [0, 100], stderr);
    assert.equal((await first.call('export', '--all', '--file', files[1])).exitCode, 0);
    assert.equal((await second.import(files[1])).exitCode, 0);
    assert.deepEqual(await second.snapshot(), await first.snapshot());
  });
  await fc.assert(property, { numRuns: 2, endOnFailure: true });
});
