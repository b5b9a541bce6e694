/** After `phone`: friends hear that the old `phone_id` is deleted, and the new one; every session of the phone hears the profile. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, decode, type Term } from '../../../src/etf/index.ts';
import { entry, idOf, keep } from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { ask, confirm } from '../../harness/migration.ts';
import { fieldsOf, profile, refusal, shortProfile } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const next = async (phone: Phone): Promise<Term> => decode((await phone.take()).payload);

test('each friend hears first that the old phone_id is deleted, then the new one, once for each pair of rosters', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  const [friend, other, stranger] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(old, { 1: [idOf(friend), idOf(other), idOf(stranger)], 2: [idOf(friend)] });
  await keep(friend, { 1: [idOf(old), idOf(old, 2)] });
  await keep(other, { 1: [idOf(old)] });
  await keep(stranger, { 1: ['380670000001_1'] });
  await ask(old, fresh);
  fieldsOf(await fresh.ask(confirm(fresh)));
  await harness.idle();
  const pair = (roster: number): Term[] => {
    const kept = { names: `to ${idOf(old, roster)}` };
    return [kept, kept].map((_, index) => index as never);
  };
  assert.equal(pair(1).length, 2);
  const ids = async (phone: Phone) =>
    (await phone.newNotices()).map((notice) => {
      const { elements } = notice as { elements: Term[] } & Term;
      return [Buffer.from(elements[1] as Uint8Array).toString(), elements.at(-1)];
    });
  assert.deepEqual(await ids(other), [
    [idOf(old), atom('deleted')],
    [idOf(fresh), []],
  ]);
  assert.deepEqual(await ids(friend), [
    [idOf(old), atom('deleted')],
    [idOf(fresh), []],
    [idOf(old, 2), atom('deleted')],
    [idOf(fresh, 2), []],
  ]);
  assert.deepEqual(await stranger.newNotices(), []);
});
