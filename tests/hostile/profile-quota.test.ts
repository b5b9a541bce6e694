/** A profile has a quota: what would go beyond it is refused and changes nothing, for each kind of request, and for many at once. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, encodeFragment, type Term } from '../../src/etf/index.ts';
import type { Phone } from '../harness/harness.ts';
import {
  confirm,
  emailService,
  link,
  linked,
  startMailHarness,
  success,
} from '../harness/services-fixture.ts';
import {
  contact,
  feature,
  fieldsOf,
  type ProfileValues,
  profile,
  refusal,
  roster,
  service,
} from '../harness/terms.ts';

const quota = 20_000;
const own = await startMailHarness({ workers: 2, settings: { PROFILE_BYTES: String(quota) } });
const { harness } = own;
after(() => own.stop());

type Values = Omit<ProfileValues, 'phone' | 'status'>;
const ask = (phone: Phone, status: string, values: Values = {}) =>
  phone.ask(profile({ phone: phone.number, ...values, status }));
const fields = async (phone: Phone, status: string, values?: Values) =>
  fieldsOf(await ask(phone, status, values));

/** A `vox` service of so many bytes or a little more. */
const vox = (bytes: number): Term => service({ type: atom('vox'), data: 'x'.repeat(bytes) });
const rosterOf = (bytes: number, ...userlist: Term[]): Term => roster({ names: 'x'.repeat(bytes), userlist });
const tooLarge = refusal('too_large');

/** What counts of an answered profile. */
const sizeOf = ({ services, settings, rosters }: ReturnType<typeof fieldsOf>): number =>
  [services, settings, rosters].reduce<number>((sum, term) => sum + encodeFragment(term ?? []).length, 0);

for (const [name, values] of Object.entries<Values>({
  services: { services: [vox(quota)] },
  rosters: { rosters: [rosterOf(quota)] },
  contacts: {
    rosters: [
      roster({
        userlist: Array.from({ length: 500 }, (_, index) => contact({ phoneId: `contact ${index}` })),
      }),
    ],
  },
  settings: { settings: [feature('key', 'x'.repeat(quota))] },
}))
  test(`${name} beyond the quota are refused, and nothing changes`, async () => {
    const phone = await harness.phone();
    assert.deepEqual(await ask(phone, 'set', values), tooLarge);
    assert.deepEqual(await ask(phone, 'get'), refusal('not_found'));
    await ask(phone, 'set', { services: [vox(10)], presence: atom('online') });
    const before = await ask(phone, 'get');
    assert.deepEqual(await ask(phone, 'set', { ...values, presence: atom('away') }), tooLarge);
    assert.deepEqual(await ask(phone, 'get'), before);
  });

test('all together count, to the byte', async () => {
  const phone = await harness.phone();
  const first = await fields(phone, 'set', { services: [vox(6_000)], rosters: [rosterOf(6_000)] });
  const padding = (bytes: number) => [feature('key', 'x'.repeat(bytes))];
  const left = quota - sizeOf(first) - (encodeFragment(padding(0)).length - encodeFragment([]).length);
  assert.deepEqual(await ask(phone, 'set', { settings: padding(left + 1) }), tooLarge);
  assert.equal(sizeOf(await fields(phone, 'set', { settings: padding(left) })), quota);
  assert.deepEqual(await ask(phone, 'set', { services: [vox(6_001)] }), tooLarge);
});

test('devices that change different fields at once do not pass it together', async () => {
  const phones: Phone[] = [];
  for (let count = 0; count < 3; count++) phones.push(await harness.phone({ number: '380509990001' }));
  const [one, two, three] = phones as [Phone, Phone, Phone];
  for (let round = 0; round < 15; round++) {
    const answers = await Promise.all([
      ask(one, 'set', { services: [vox(9_000 + round)] }),
      ask(two, 'set', { rosters: [rosterOf(9_000 + round)] }),
      ask(three, 'set', { settings: [feature('key', 'x'.repeat(9_000 + round))] }),
    ]);
    const stored = await fields(one, 'get');
    assert.ok(sizeOf(stored) <= quota, `${sizeOf(stored)} bytes`);
    assert.equal(answers.filter((answer) => JSON.stringify(answer) === JSON.stringify(tooLarge)).length, 1);
    await ask(one, 'set', { services: [vox(1)], rosters: [rosterOf(1)], settings: [feature('key', [])] });
  }
});

test('a full profile gets no mail for another address, and a code stays good until there is room', async () => {
  const phone = await harness.phone();
  const address = 'full@example.org';
  const code = await linked(own, phone, address);
  const added = [emailService(address, 'added')];
  const room = quota - encodeFragment([...added, vox(0)]).length - 2 * encodeFragment([]).length;
  assert.equal(sizeOf(await fields(phone, 'set', { services: [vox(room)] })), quota);
  const mails = own.sink.mails().length;
  assert.deepEqual(await phone.ask(link(phone, 'another@example.org')), tooLarge);
  assert.equal(own.sink.mails().length, mails);
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), tooLarge);
  await fields(phone, 'set', { services: [vox(10)] });
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), success('verified'));
});

test('a profile that is over the quota already is read, gets smaller, and its time and presence change', async () => {
  const wide = await startMailHarness({ workers: 1 });
  try {
    const phone = await wide.harness.phone();
    await ask(phone, 'set', { services: [vox(30_000)], rosters: [rosterOf(10_000)] });
    await wide.harness.worker.process.stop();
    await wide.harness.startWorker({ PROFILE_BYTES: String(quota) });
    assert.ok(sizeOf(await fields(phone, 'get')) > 40_000);
    const update = Date.now() + 60_000;
    const updated = await fields(phone, 'update', { update, presence: atom('long_presence') });
    assert.deepEqual([updated.update, updated.presence], [update, atom('long_presence')]);
    assert.deepEqual((await fields(phone, 'set', { presence: atom('a') })).presence, atom('a'));
    assert.deepEqual(await ask(phone, 'set', { services: [vox(30_001)] }), tooLarge);
    assert.ok(sizeOf(await fields(phone, 'set', { services: [vox(29_000)] })) > quota);
    assert.ok(sizeOf(await fields(phone, 'set', { services: [vox(100)] })) < quota);
  } finally {
    await wide.stop();
  }
});

test('friends’ news reach a full profile, and add little to it', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  await ask(friend, 'set', { rosters: [roster({ userlist: [contact({ phoneId: `${phone.number}_1` })] })] });
  const entry = contact({ phoneId: `${friend.number}_1` });
  const room = quota - encodeFragment([rosterOf(0, entry)]).length - 2 * encodeFragment([]).length;
  assert.equal(sizeOf(await fields(phone, 'set', { rosters: [rosterOf(room, entry)] })), quota);
  const longest = atom('x'.repeat(61));
  const update = Date.now() + 60_000;
  await fields(friend, 'update', { update, presence: longest });
  await harness.idle();
  const news = contact({ phoneId: `${friend.number}_1`, update, presence: longest });
  assert.deepEqual(await phone.newNotices(), [news]);
  const size = sizeOf(await fields(phone, 'get'));
  assert.ok(size > quota && size < quota + 100, `${size} bytes`);
  for (const status of ['set', 'update'])
    assert.deepEqual(await ask(friend, status, { presence: atom('x'.repeat(62)) }), refusal('invalid_data'));
});
