/** `migrate`: a client asks to move its profile to another phone, which has to confirm. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { atom, decode, encodeFragment, type Term, Tuple, tuple } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import { requests } from '../../../src/handlers/index.ts';
import type { Stores } from '../../../src/store/index.ts';
import { assertNothingLeft, contactsOf, entry, keep, keysOf, read } from '../../harness/address-books.ts';
import { openStoresOf, requestOf } from '../../harness/direct-calls.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { confirm } from '../../harness/migration.ts';
import {
  feature,
  fieldsOf,
  type ProfileValues,
  profile,
  refusal,
  service,
  shortProfile,
  text,
} from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const accepted = tuple(atom('io'), tuple(atom('ok'), atom('migration')), text(''));

const migrate = (to: ProfileValues['phone'], more: Partial<ProfileValues> = {}): Tuple =>
  profile({ ...more, ...(to !== undefined && { phone: to }), status: 'migrate' });

/** A phone with a profile of one contact, whose `phone_id` identifies it. */
async function settled(contactId = '380670000001_1'): Promise<Phone> {
  const phone = await harness.phone();
  await keep(phone, { 1: [contactId] });
  return phone;
}

/** Which of the profiles made by `settled` a phone has. */
const holdsContact = async (phone: Phone): Promise<Term | undefined> => {
  const answer = await phone.ask(profile({ phone: phone.number, status: 'get' }));
  assert.ok(answer instanceof Tuple);
  return answer.elements.length === 9 ? contactsOf(fieldsOf(answer).rosters)['1']?.[0] : undefined;
};

test('a migration to a phone without a profile is accepted, and stored for 24 hours; the profile stays where it is', async () => {
  const [old, fresh] = [await settled(), await harness.phone()];
  const before = await read(old);
  assert.deepEqual(await old.ask(migrate(fresh.number)), accepted);
  assert.deepEqual(await read(old), before);
  for (const key of [`migration:{${fresh.number}}`, `migration:{${old.number}}:to`]) {
    const seconds = await harness.database.ttl(key);
    assert.ok(seconds > 86_000 && seconds <= 86_400, `${key} lapses in ${seconds} s`);
  }
});

for (const [where, time] of [
  ['update', { update: 1_700_000_000_000, balance: 0 }],
  ['balance', { update: [] as Term, balance: 1_700_000_000_000 }],
] as const) {
  test(`the time may stand in the place of ${where}, in 9 elements and in 8`, async () => {
    for (const make of [profile, shortProfile]) {
      const [old, fresh] = [await settled(), await harness.phone()];
      assert.deepEqual(await old.ask(make({ phone: fresh.number, ...time, status: 'migrate' })), accepted);
      await fresh.ask(confirm(fresh));
      assert.deepEqual(await holdsContact(fresh), entry('380670000001_1'));
    }
  });
}

test('the new phone may be written as a binary, a list of characters, an integer or with one +', async () => {
  const old = await settled();
  const { number } = await harness.phone();
  for (const form of [number, `+${number}`, [...Buffer.from(number)], Number(number)])
    assert.deepEqual(await old.ask(migrate(form)), accepted);
});

test('a migration to oneself is refused with already_exists', async () => {
  const old = await settled();
  for (const form of [old.number, `+${old.number}`])
    assert.deepEqual(await old.ask(migrate(form)), refusal('already_exists'));
});

test('a migration to an invalid phone is refused with invalid_data, and nothing is stored', async () => {
  const old = await settled();
  const before = await keysOf(harness, old.number);
  for (const bad of [
    '',
    '1234',
    '1234567890123456',
    '38050a112233',
    '++380501112233',
    [],
    atom('x'),
    -380501112233,
  ])
    assert.deepEqual(await old.ask(migrate(bad)), refusal('invalid_data'));
  assert.deepEqual(await keysOf(harness, old.number), before);
});

test('a migration to a phone with rosters is refused with already_exists, also if they are integers', async () => {
  const old = await settled();
  const [taken, counted] = [await settled(), await harness.phone()];
  await counted.ask(profile({ phone: counted.number, rosters: [1], status: 'set' }));
  for (const { number } of [taken, counted])
    assert.deepEqual(await old.ask(migrate(number)), refusal('already_exists'));
});

test('a migration to a phone that gets rosters at the same time is refused, to one that gets a presence accepted', async (t) => {
  const { stores, close } = await openStoresOf(harness);
  t.after(close);
  const changes: [Partial<ProfileValues>, string][] = [
    [{ rosters: [1] }, 'already_exists'],
    [{ presence: atom('online') }, 'migration'],
  ];
  for (const [change, result] of changes) {
    const [old, fresh] = [await settled(), await harness.phone()];
    let isAsked = false;
    const ask: Stores['migrations']['ask'] = async (...asked) => {
      if (!isAsked) fieldsOf(await fresh.ask(profile({ ...change, phone: fresh.number, status: 'set' })));
      isAsked = true;
      return stores.migrations.ask(...asked);
    };
    const request = requestOf(old, migrate(fresh.number), {
      phone: fresh.number,
      sessionPhone: old.number,
    });
    const context = { ...stores, migrations: { ...stores.migrations, ask } } as Context;
    assert.equal((await requests.migrate.handler.handle(request, context)).result, result);
    const meant = { client: fresh.client, named: undefined };
    const isPending = (await stores.migrations.choose(fresh.number, meant)) !== undefined;
    assert.equal(isPending, result === 'migration');
  }
});

test('a migration to a phone with a verified service is refused, with one that is not verified it is accepted', async () => {
  const old = await settled();
  for (const [status, answer] of [
    ['verified', refusal('already_exists')],
    ['added', accepted],
  ] as const) {
    const other = await harness.phone();
    await keep(other, {});
    const email = service({ id: 'a@example.org', type: atom('email'), status: atom(status) });
    await harness.database.hset(
      `profile:{${other.number}}`,
      'services',
      Buffer.from(encodeFragment([email])),
    );
    assert.deepEqual(await old.ask(migrate(other.number)), answer);
  }
});

test('a migration to a profile without rosters and verified services is accepted', async () => {
  const [old, empty] = [await settled(), await harness.phone()];
  const vox = service({ id: 'v', type: atom('vox') });
  const settings = [feature('LANG', 'uk')];
  await keep(empty, {}, { services: [vox], settings, presence: atom('online') });
  assert.deepEqual(await old.ask(migrate(empty.number)), accepted);
});

test('without a profile a migration is refused with not_found, without a session with not_authorized', async () => {
  const [nobody, unknown] = [await harness.phone(), await harness.phone({ session: false })];
  const fresh = await harness.phone();
  assert.deepEqual(await nobody.ask(migrate(fresh.number)), refusal('not_found'));
  assert.deepEqual(await unknown.ask(migrate(fresh.number)), refusal('not_authorized'));
  assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('not_authorized'));
});

test('of two migrations of a phone the last counts: the first new phone can confirm nothing', async () => {
  const old = await settled();
  const [first, last] = [await harness.phone(), await harness.phone()];
  await old.ask(migrate(first.number));
  await old.ask(migrate(last.number));
  assert.deepEqual(await first.ask(confirm(first)), refusal('not_authorized'));
  assert.deepEqual(fieldsOf(await last.ask(confirm(last))).status, atom('phone'));
  assert.deepEqual(await holdsContact(last), entry('380670000001_1'));
});

test('a migration that is asked for again after another one counts again', async () => {
  const old = await settled();
  const [first, second] = [await harness.phone(), await harness.phone()];
  for (const { number } of [first, second, first]) await old.ask(migrate(number));
  assert.deepEqual(await second.ask(confirm(second)), refusal('not_authorized'));
  await first.ask(confirm(first));
  assert.deepEqual(await holdsContact(first), entry('380670000001_1'));
});

test('of two phones that confirm moves to each other at once at most one moves; busy may be retried; nothing is lost', async () => {
  for (let round = 0; round < 10; round++) {
    const [a, b] = [await harness.phone(), await harness.phone()];
    await keep(a, {}, { presence: atom('of_a') });
    await keep(b, {}, { presence: atom('of_b') });
    await Promise.all([a.send(migrate(b.number)), b.send(migrate(a.number))]);
    for (const each of [a, b]) assert.deepEqual(decode((await each.take()).payload), accepted);
    const answers = await Promise.all([a, b].map(confirmed));
    await harness.idle();
    // The phone that moved away hears the answer of the other too.
    for (const each of [a, b]) each.answers.length = 0;
    const hasMoved = answers.map((answer) => !refused.some((one) => isDeepStrictEqual(answer, one)));
    assert.ok(!(hasMoved[0] && hasMoved[1]));
    if (!hasMoved[0] && !hasMoved[1]) {
      assert.deepEqual((await read(a)).presence, atom('of_a'));
      assert.deepEqual(fieldsOf(await confirmed(b)).presence, atom('of_a'));
      await harness.idle();
      for (const each of [a, b]) each.answers.length = 0;
    }
    const [from, to] = hasMoved[0] ? [b, a] : [a, b];
    assert.deepEqual((await read(to)).presence, atom(from === a ? 'of_a' : 'of_b'));
    await assertNothingLeft(harness, from.number);
    for (const { client } of [a, b])
      assert.equal(await harness.database.hget(`session:${client}`, 'phone'), to.number);
    const members = await harness.database.smembers(`sessions:{${to.number}}`);
    assert.deepEqual(members.sort(), [a.client, b.client].sort());
  }
});

const refused = [refusal('not_authorized'), refusal('busy')];

/** The answer to its own confirmation: one that another session is told has no Correlation Data. */
async function confirmed(phone: Phone): Promise<Term> {
  await phone.send(confirm(phone), { properties: { correlationData: Buffer.from('own') } });
  for (;;) {
    const { payload, properties } = await phone.take();
    if (properties?.correlationData !== undefined) return decode(payload);
  }
}

test('two phones may ask to move to the same new phone: the confirmation must name one', async () => {
  const [first, second, fresh] = [
    await settled('380670000001_1'),
    await settled('380670000002_1'),
    await harness.phone(),
  ];
  await first.ask(migrate(fresh.number));
  assert.deepEqual(await second.ask(migrate(fresh.number)), accepted);
  assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('not_authorized'));
  assert.deepEqual(await holdsContact(first), entry('380670000001_1'));
  assert.deepEqual(await holdsContact(second), entry('380670000002_1'));
});
