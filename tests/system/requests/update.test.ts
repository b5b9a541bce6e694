/** `update`: the effect on the profile itself. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, Foreign, type Term } from '../../../src/etf/index.ts';
import { askFields as ask, friends } from '../../harness/address-books.ts';
import { startHarness } from '../../harness/harness.ts';
import { fieldsOf, type ProfileValues, profile, refusal, roster, shortProfile } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const minutes = (count: number) => count * 60_000;

test('without a profile: not_found', async () => {
  const phone = await harness.phone();
  const answer = await phone.ask(profile({ phone: phone.number, update: Date.now(), status: 'update' }));
  assert.deepEqual(answer, refusal('not_found'));
});

test('a newer time is accepted, an older or equal one is not', async () => {
  const phone = await harness.phone();
  await ask(phone, 'set');
  const newer = Date.now() + minutes(1);
  assert.equal((await ask(phone, 'update', { update: newer })).update, newer);
  assert.equal((await ask(phone, 'update', { update: newer })).update, newer);
  assert.equal((await ask(phone, 'update', { update: newer - 1 })).update, newer);
  assert.equal((await ask(phone, 'update', { update: newer + 1 })).update, newer + 1);
  assert.equal((await ask(phone, 'get')).update, newer + 1);
});

test('a time up to 5 minutes ahead of the server’s clock is accepted, one beyond that is not', async () => {
  const phone = await harness.phone();
  const { update } = await ask(phone, 'set');
  const later: Term[] = [Date.now() + minutes(6), Date.now() + minutes(60 * 24 * 365), 2n ** 70n];
  for (const time of later) assert.equal((await ask(phone, 'update', { update: time })).update, update);
  const soon = Date.now() + minutes(5) - 10_000;
  assert.equal((await ask(phone, 'update', { update: soon })).update, soon);
});

test('a negative time, 0, and [] for 0 are older than any', async () => {
  const phone = await harness.phone();
  const { update } = await ask(phone, 'set');
  for (const time of [-1, 0, [], -(2n ** 70n)]) {
    assert.equal((await ask(phone, 'update', { update: time })).update, update);
  }
});

test('presence becomes the sent one, also when the time is an older one; [] leaves it', async () => {
  const phone = await harness.phone();
  await ask(phone, 'set');
  assert.deepEqual((await ask(phone, 'update', { presence: atom('away') })).presence, atom('away'));
  assert.deepEqual((await ask(phone, 'update', { presence: [] })).presence, atom('away'));
  assert.deepEqual((await ask(phone, 'update', { presence: atom('undefined') })).presence, atom('away'));
  assert.deepEqual((await ask(phone, 'get')).presence, atom('away'));
});

test('the answer is the whole profile with status update, of 8 elements if the request was', async () => {
  const [phone, friend] = await friends(harness);
  const before = await ask(phone, 'get');
  const update = Date.now() + minutes(1);
  const answer = await ask(phone, 'update', { update, presence: atom('online') });
  assert.deepEqual(answer, { ...before, update, presence: atom('online'), status: atom('update') });
  const short = fieldsOf(await phone.ask(shortProfile({ phone: phone.number, update, status: 'update' })));
  assert.deepEqual(short, { ...answer, presence: undefined });
  await harness.idle();
  await friend.newNotices();
});

test('services, settings, rosters and balance in the request are ignored', async () => {
  const [phone] = await friends(harness);
  const before = await ask(phone, 'get');
  const odd: Partial<ProfileValues> = {
    services: 'x',
    settings: 1,
    rosters: [roster({ id: 9 })],
    balance: 5,
  };
  assert.deepEqual(await ask(phone, 'update', odd), { ...before, status: atom('update') });
});

test('a time that is not an integer, or a presence that is neither an atom nor a short binary, is invalid_data, and nothing changes', async () => {
  const [phone, friend] = await friends(harness);
  const before = await ask(phone, 'get');
  const float = new Foreign(Buffer.from([70, 66, 121, 0, 0, 0, 0, 0, 0]));
  const wrong: Partial<ProfileValues>[] = [
    { update: 'soon' },
    { update: atom('now') },
    { update: float },
    { update: Date.now() + minutes(1), presence: 'x'.repeat(60) },
    { update: Date.now() + minutes(1), presence: 1 },
  ];
  for (const values of wrong) {
    const answer = await phone.ask(profile({ phone: phone.number, ...values, status: 'update' }));
    assert.deepEqual(answer, refusal('invalid_data'));
  }
  assert.deepEqual(await ask(phone, 'get'), before);
  await harness.idle();
  assert.deepEqual(await friend.newNotices(), []);
});
