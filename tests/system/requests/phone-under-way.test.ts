/** While a profile moves to a phone, requests that would remove or fill that phone have to wait. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { decode } from '../../../src/etf/index.ts';
import { contactNamed, contactsOf, entry, idOf, keep, read } from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { ask, confirm } from '../../harness/migration.ts';
import { fieldsOf, profile, refusal } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const friend = '380670000001_1';

/** A worker has begun the move of `old` to `fresh`, and stopped there. */
async function underWay(): Promise<{ old: Phone; fresh: Phone }> {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: [friend, idOf(old)] });
  await keep(fresh, {});
  await ask(old, fresh);
  await harness.database.hset(`migration:{${fresh.number}}`, 'claim', 'of-another-worker');
  return { old, fresh };
}

/** Another worker continues the move when the new phone confirms again. */
async function carriedOut(old: Phone, fresh: Phone): Promise<void> {
  const moved = fieldsOf(await fresh.ask(confirm(fresh)));
  const own = contactNamed(idOf(old), idOf(fresh));
  assert.deepEqual(contactsOf(moved.rosters), { 1: [entry(friend), own] });
}

test('remove of the new phone is refused with busy, and changes nothing', async () => {
  const { old, fresh } = await underWay();
  const before = await read(fresh);
  const remove = profile({ phone: fresh.number, status: 'remove' });
  assert.deepEqual(await fresh.ask(remove), refusal('busy'));
  assert.deepEqual(await read(fresh), before);
  await carriedOut(old, fresh);
});

test('another phone’s migrate to it is refused with already_exists', async () => {
  const { old, fresh } = await underWay();
  const other = await harness.phone();
  await keep(other, {});
  const migrate = profile({ phone: fresh.number, status: 'migrate' });
  assert.deepEqual(await other.ask(migrate), refusal('already_exists'));
  await carriedOut(old, fresh);
});

test('phone, of a phone that the new one’s own profile asked to move to, is refused with busy', async () => {
  const { old, fresh } = await underWay();
  const next = await harness.phone();
  await ask(fresh, next);
  assert.deepEqual(await next.ask(confirm(next)), refusal('busy'));
  await carriedOut(old, fresh);
});

test('a get never shows a profile under its new phone with an entry for its old one', async () => {
  for (let round = 0; round < 20; round++) {
    const [old, fresh] = [await harness.phone(), await harness.phone()];
    const tablet = await harness.phone({ number: fresh.number });
    await keep(old, { 1: [idOf(old)] });
    await ask(old, fresh);
    let isOver = false;
    const confirmed = fresh.ask(confirm(fresh)).finally(() => {
      isOver = true;
    });
    const get = profile({ phone: fresh.number, status: 'get' });
    const expected = { 1: [contactNamed(idOf(old), idOf(fresh))] };
    while (!isOver) {
      // It may be the copy of the confirmation's answer; what it holds is the same.
      await tablet.send(get);
      const answer = decode((await tablet.take()).payload);
      if (!isDeepStrictEqual(answer, refusal('not_found')))
        assert.deepEqual(contactsOf(fieldsOf(answer).rosters), expected);
    }
    await confirmed;
  }
});
