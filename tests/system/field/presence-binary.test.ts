/** A presence that is a binary, as the header file of deployed servers has it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, type Term, Tuple } from '../../../src/etf/index.ts';
import { askFields as ask, contactsOf, friends, read } from '../../harness/address-books.ts';
import { startHarness } from '../../harness/harness.ts';
import { text } from '../../harness/terms.ts';

const harness = await startHarness();
after(() => harness.stop());

const presences: Readonly<Record<string, Uint8Array>> = {
  'a short binary': text('online'),
  'an empty binary': text(''),
  'bytes that are no text': Uint8Array.of(255, 0, 128),
  'a binary of 59 bytes': text('x'.repeat(59)),
};

for (const [name, presence] of Object.entries(presences)) {
  test(`${name} is set, stored and answered as a binary`, async () => {
    const phone = await harness.phone();
    assert.deepEqual((await ask(phone, 'set', { presence })).presence, presence);
    assert.deepEqual((await read(phone)).presence, presence);
  });

  test(`${name} reaches friends as a binary, and their entry keeps it`, async () => {
    const [phone, friend] = await friends(harness);
    const update = Date.now() + 60_000;
    assert.deepEqual((await ask(phone, 'update', { update, presence })).presence, presence);
    await harness.idle();
    const [notice, ...others] = await friend.newNotices();
    assert.deepEqual(others, []);
    assert.deepEqual(presenceIn(notice), presence);
    const [own] = Object.values(contactsOf((await read(friend)).rosters)).flat();
    assert.deepEqual(presenceIn(own), presence);
  });
}

test('an atom takes the place of a binary, and [] leaves it', async () => {
  const phone = await harness.phone();
  await ask(phone, 'set', { presence: 'online' });
  assert.deepEqual((await ask(phone, 'update', { presence: [] })).presence, text('online'));
  assert.deepEqual((await ask(phone, 'update', { presence: atom('away') })).presence, atom('away'));
});

/** The presence in a contact. */
function presenceIn(contact: Term | undefined): Term | undefined {
  assert.ok(contact instanceof Tuple);
  return contact.elements[13];
}
