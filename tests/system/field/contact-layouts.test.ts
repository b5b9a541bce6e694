/** Contacts in the layout of the protocol document, and in that of the header file of deployed servers. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, type Term, Tuple } from '../../../src/etf/index.ts';
import { askFields as ask, contactsOf, idOf, read } from '../../harness/address-books.ts';
import { type Harness, type Phone, startHarness } from '../../harness/harness.ts';
import { contact, feature, profile, record, refusal, roster, service, text } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const features = [feature('LANG', 'uk'), feature('theme', [1, 2, 3])];
const services = [service({ id: 'vox-1', type: atom('vox') })];
const message = record('Message', 77, 'hello', atom('undefined'));

/** `roster.hrl`: phone_id … nick, reader, unread, last_msg, update, created, settings, services, presence, status. */
const header = (phoneId: string, more: { settings?: Term; status?: Term } = {}) =>
  record(
    'Contact',
    ...[phoneId, 'avatar', 'Olena', 'Teliha', 'olena', [1, 2], 7, message, 5, 1_700_000_000_000],
    ...[more.settings ?? features, services, atom('offline'), more.status ?? atom('friend')],
  );

const document = (phoneId: string) =>
  contact({ phoneId, names: 'Olena', lastMessage: message, update: 5, settings: features });

type Layout = typeof header | typeof document;

/** Where `update` stands in the tuple. */
const places: readonly { readonly name: string; readonly make: Layout; readonly update: number }[] = [
  { name: 'the header', make: header, update: 9 },
  { name: 'the document', make: document, update: 11 },
];

/** A phone whose contact is the other, and that other with an entry of this layout for it. */
async function pair(on: Harness, make: Layout): Promise<[Phone, Phone, Tuple]> {
  const [one, other] = [await on.phone(), await on.phone()];
  await ask(one, 'set', { rosters: [roster({ id: 1, userlist: [contact({ phoneId: idOf(other, 2) })] })] });
  const entry = make(idOf(one, 1));
  const set = await ask(other, 'set', { rosters: [roster({ id: 2, userlist: [entry] })] });
  assert.deepEqual(contactsOf(set.rosters), { 2: [entry] }, 'stored and answered as it was sent');
  return [one, other, entry];
}

/** The entry with other elements, by their place in the tuple. */
function withElements({ elements }: Tuple, changes: Readonly<Record<number, Term>>): Tuple {
  return new Tuple(elements.map((element, index) => changes[index] ?? element));
}

for (const { name, make, update } of places) {
  test(`update: a contact in the layout of ${name} gets the time at its place, and loses nothing`, async () => {
    const [one, other, entry] = await pair(harness, make);
    const time = Date.now() + 60_000;
    await ask(one, 'update', { update: time, presence: atom('online') });
    await harness.idle();
    const expected = withElements(entry, { [update]: time, 13: atom('online') });
    assert.deepEqual(await other.newNotices(), [expected]);
    assert.deepEqual(contactsOf((await read(other)).rosters), { 2: [expected] });
  });

  test(`remove: a contact in the layout of ${name} gets its status, and loses nothing`, async () => {
    const [one, other, entry] = await pair(harness, make);
    await ask(one, 'remove');
    await harness.idle();
    const expected = withElements(entry, { 14: atom('deleted') });
    assert.deepEqual(await other.newNotices(), [expected]);
    assert.deepEqual(contactsOf((await read(other)).rosters), { 2: [expected] });
  });

  test(`phone: a contact in the layout of ${name} gets its phone_id, and loses nothing`, async () => {
    const [one, other, entry] = await pair(harness, make);
    const moved = await harness.phone();
    await one.ask(profile({ phone: moved.number, status: 'migrate' }));
    await ask(moved, 'phone');
    await harness.idle();
    const expected = withElements(entry, { 1: text(idOf(moved, 1)) });
    const notices = await other.newNotices();
    assert.ok(notices.some((notice) => JSON.stringify(notice) === JSON.stringify(expected)));
    assert.deepEqual(contactsOf((await read(other)).rosters), { 2: [expected] });
  });
}

test('one roster may hold both layouts', async () => {
  const [one, two, other] = [await harness.phone(), await harness.phone(), await harness.phone()];
  for (const phone of [one, two])
    await ask(phone, 'set', {
      rosters: [roster({ id: 1, userlist: [contact({ phoneId: idOf(other, 2) })] })],
    });
  const entries = [header(idOf(one, 1)), document(idOf(two, 1))] as const;
  await ask(other, 'set', { rosters: [roster({ id: 2, userlist: [...entries] })] });
  const time = Date.now() + 60_000;
  for (const phone of [one, two]) await ask(phone, 'update', { update: time });
  await harness.idle();
  const expected = [
    withElements(entries[0], { 9: time, 13: [] }),
    withElements(entries[1], { 11: time, 13: [] }),
  ];
  assert.deepEqual(contactsOf((await read(other)).rosters), { 2: expected });
});

test('a ban in the header’s layout is a ban', async () => {
  const [one, other] = await pair(harness, (phoneId: string) => header(phoneId, { status: atom('ban') }));
  await ask(one, 'update', { update: Date.now() + 60_000 });
  await harness.idle();
  assert.deepEqual(await other.newNotices(), []);
});

test('a contact with another number of elements is invalid_data, and nothing changes', async () => {
  const phone = await harness.phone();
  const long = new Tuple([...header('380671112233_1').elements, []]);
  const answer = await phone.ask(
    profile({ phone: phone.number, rosters: [roster({ userlist: [long] })], status: 'set' }),
  );
  assert.deepEqual(answer, refusal('invalid_data'));
});

for (const { name, layout, update } of [
  { name: 'the header', layout: 'header', update: 9 },
  { name: 'the document', layout: 'document', update: 11 },
]) {
  test(`CONTACT_LAYOUT=${layout}: a contact that could be both is one of ${name}`, async (t) => {
    const own = await startHarness({ settings: { CONTACT_LAYOUT: layout } });
    t.after(() => own.stop());
    const bare = (phoneId: string) => record('Contact', phoneId, ...Array<[]>(13).fill([]));
    const [one, other, entry] = await pair(own, bare);
    const time = Date.now() + 60_000;
    await ask(one, 'update', { update: time });
    await own.idle();
    assert.deepEqual(await other.newNotices(), [withElements(entry, { [update]: time })]);
  });
}
