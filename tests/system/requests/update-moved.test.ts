/**
 * `update` of a profile that has just moved: its contacts are notified, though a crash has interrupted the move's own
 * notices.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, Tuple } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import { phone as confirm } from '../../../src/handlers/phone.ts';
import { idOf, keep } from '../../harness/address-books.ts';
import { openStoresOf, requestOf } from '../../harness/direct-calls.ts';
import { startHarness } from '../../harness/harness.ts';
import { profile, text } from '../../harness/terms.ts';

const harness = await startHarness();
after(() => harness.stop());

test('a contact that still has the old number gets the new one, and the update', async () => {
  const [old, fresh, friend] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(old, { 1: [idOf(friend)] });
  await keep(friend, { 1: [idOf(old)] });
  await old.ask(profile({ phone: fresh.number, status: 'migrate' }));

  const { stores, close } = await openStoresOf(harness);
  const request = requestOf(fresh, profile({ phone: fresh.number, status: 'phone' }));
  const { onSent, fanOut } = await confirm.handle(request, stores as Context);
  assert.ok(onSent && fanOut, 'which are cut off here');
  await close();

  await fresh.ask(profile({ phone: fresh.number, presence: atom('away'), status: 'update' }));
  await harness.idle();
  const notice = (await friend.newNotices()).at(-1);
  assert.ok(notice instanceof Tuple);
  assert.deepEqual([notice.elements[1], notice.elements[13]], [text(idOf(fresh)), atom('away')]);
});
