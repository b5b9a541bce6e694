/** `remove`: no data of the phone remains, its devices and its mutual contacts are notified. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { atom, decode, encode, type Term } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import { requests } from '../../../src/handlers/index.ts';
import { keysWith } from '../../../src/store/keys.ts';
import {
  assertNothingLeft,
  contactsOf,
  entry,
  idOf,
  keep,
  keysOf,
  read,
  rostersOf,
} from '../../harness/address-books.ts';
import { carryOut, finish, openStoresOf, requestOf } from '../../harness/direct-calls.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { profile, refusal, shortProfile } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const deleted = atom('deleted');
const remove = ({ number }: { number: string }) => profile({ phone: number, status: 'remove' });

/** The answer to every device: the phone, all else unset. */
const removed = (phone: Phone): Term => profile({ phone: phone.number, status: 'remove' });

test('remove answers the phone with all else unset, and after it the client is not authorized any more', async () => {
  const phone = await harness.phone();
  await keep(phone, { 1: ['380670000001_1'] }, { presence: atom('online') });
  assert.deepEqual(await phone.ask(remove(phone)), removed(phone));
  await harness.idle();
  assert.deepEqual(
    await phone.ask(profile({ phone: phone.number, status: 'get' })),
    refusal('not_authorized'),
  );
});

test('a remove of 8 elements is answered with 8', async () => {
  const phone = await harness.phone();
  await keep(phone, {});
  const short = shortProfile({ phone: phone.number, status: 'remove' });
  assert.deepEqual(await phone.ask(short), short);
});

test('every client with an active session of the phone is answered, once; clients of others are not', async () => {
  const phone = await harness.phone();
  const [tablet, watch] = [
    await harness.phone({ number: phone.number }),
    await harness.phone({ number: phone.number }),
  ];
  const [stranger, moved] = [await harness.phone(), await harness.phone()];
  // Former clients of this phone: one session is gone, the other belongs to another phone by now.
  const ended = await harness.phone({ number: phone.number, session: false });
  await harness.database.sadd(`sessions:{${phone.number}}`, ended.client, moved.client);
  await keep(phone, {});
  assert.deepEqual(await tablet.ask(remove(tablet)), removed(phone));
  await harness.idle();
  for (const device of [phone, watch])
    assert.deepEqual(decode((await device.take()).payload), removed(phone));
  for (const device of [phone, tablet, watch, ended, stranger, moved]) {
    await device.fence();
    assert.deepEqual(device.answers, [], device.client);
  }
  assert.equal(await harness.database.hget(`session:${moved.client}`, 'phone'), moved.number);
  assert.equal(await harness.database.exists(`sessions:{${phone.number}}`), 0);
});

test('the client that asks is answered and its session ends also if the set of sessions does not list it', async () => {
  const phone = await harness.phone();
  const tablet = await harness.phone({ number: phone.number });
  await harness.database.srem(`sessions:{${phone.number}}`, phone.client);
  await keep(phone, {});
  assert.deepEqual(await phone.ask(remove(phone)), removed(phone));
  assert.deepEqual(decode((await tablet.take()).payload), removed(phone));
  await harness.idle();
  await assertNothingLeft(harness, phone.number);
});

test('all keys of the phone are gone; only idempotency records remain, with a time to live', async () => {
  const phone = await harness.phone();
  await harness.phone({ number: phone.number });
  await keep(phone, { 1: ['380670000001_1'], 2: ['380670000002_1'] });
  const keys = keysWith('');
  for (const key of keys.ofPhone(phone.number)) {
    if (key === keys.migration(phone.number)) await harness.database.hset(key, 'from', '380670000003');
    else if (key !== keys.contacts(phone.number)) await harness.database.set(key, 'something', 'EX', 1000);
  }
  assert.ok((await keysOf(harness, phone.number)).length > 10);
  await phone.ask(remove(phone));
  await harness.idle();
  await assertNothingLeft(harness, phone.number);
});

test('each mutual contact’s entry becomes deleted at its old index, with one notice for each pair of rosters', async () => {
  const [phone, friend, other] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(phone, { 1: [idOf(friend, 4), idOf(other, 7)], 2: [idOf(friend, 4), idOf(friend, 5)] });
  await keep(friend, {
    4: ['380670000001_1', idOf(phone, 1), '380670000002_1', idOf(phone, 2)],
    5: [idOf(phone, 2), idOf(phone, 1)],
  });
  await keep(other, { 7: [idOf(phone, 1)] });
  await phone.ask(remove(phone));
  await harness.idle();
  const gone = (roster: number) => entry(idOf(phone, roster), { status: deleted });
  // The phone has 5 in its roster 2 only, so 5's entry for its roster 1 is no pair.
  assert.deepEqual(contactsOf((await read(friend)).rosters), {
    4: [entry('380670000001_1'), gone(1), entry('380670000002_1'), gone(2)],
    5: [gone(2), entry(idOf(phone, 1))],
  });
  assert.deepEqual(contactsOf((await read(other)).rosters), { 7: [gone(1)] });
  assert.deepEqual(sorted(await friend.newNotices()), sorted([gone(1), gone(2), gone(2)]));
  assert.deepEqual(await other.newNotices(), [gone(1)]);
  assert.deepEqual(await phone.newNotices(), []);
});

test('a contact that does not have the phone, or in another roster, is neither notified nor changed', async () => {
  const [phone, stranger, apart, oneSided] = [
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
  ];
  await keep(phone, { 1: [idOf(stranger), idOf(apart, 1), 'no phone id', '12_1', `${phone.number}_1`] });
  await keep(stranger, { 1: ['380670000001_1'] });
  await keep(apart, { 2: [idOf(phone)] });
  await keep(oneSided, { 1: [idOf(phone)] });
  const before = await Promise.all([stranger, apart, oneSided].map(read));
  await phone.ask(remove(phone));
  await harness.idle();
  assert.deepEqual(await Promise.all([stranger, apart, oneSided].map(read)), before);
  for (const one of [phone, stranger, apart, oneSided]) assert.deepEqual(await one.newNotices(), []);
});

test('without a profile remove is refused with not_found, and the session stays', async () => {
  const phone = await harness.phone();
  assert.deepEqual(await phone.ask(remove(phone)), refusal('not_found'));
  assert.deepEqual(await phone.ask(remove(phone)), refusal('not_found'));
  assert.equal(await harness.database.exists(`session:${phone.client}`, `sessions:{${phone.number}}`), 2);
});

test('two devices that remove at once are both answered with remove; a contact is notified once, nothing is left', async () => {
  for (let round = 0; round < 10; round++) {
    const phone = await harness.phone();
    const [tablet, friend] = [await harness.phone({ number: phone.number }), await harness.phone()];
    await keep(phone, { 1: [idOf(friend)] });
    await keep(friend, { 1: [idOf(phone)] });
    await Promise.all([phone.send(remove(phone)), tablet.send(remove(phone))]);
    await harness.idle();
    const refusals: Term[] = [];
    for (const device of [phone, tablet]) {
      await device.fence();
      const answers = device.answers.splice(0).map(({ payload }) => decode(payload));
      const others = answers.filter((answer) => !isDeepStrictEqual(answer, removed(phone)));
      assert.ok(others.length < answers.length, 'each device is answered with remove');
      refusals.push(...others);
    }
    // The later of the two finds the profile gone, or even its session.
    assert.ok(refusals.length <= 1);
    for (const answer of refusals) assert.ok(lateRefusals.some((one) => isDeepStrictEqual(answer, one)));
    assert.deepEqual(await friend.newNotices(), [entry(idOf(phone), { status: deleted })]);
    await assertNothingLeft(harness, phone.number);
  }
});

const lateRefusals = [refusal('not_found'), refusal('not_authorized')];

test('a phone that signs in again gets a new profile, and the old contacts stay deleted', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  await keep(phone, { 1: [idOf(friend)] });
  await keep(friend, { 1: [idOf(phone)] });
  await phone.ask(remove(phone));
  await harness.idle();
  await harness.signIn(phone.client, phone.number);
  assert.deepEqual(await phone.ask(profile({ phone: phone.number, status: 'get' })), refusal('not_found'));
  await keep(phone, { 1: [] });
  assert.deepEqual((await read(phone)).rosters, rostersOf({ 1: [] }));
  assert.deepEqual(contactsOf((await read(friend)).rosters), {
    1: [entry(idOf(phone), { status: deleted })],
  });
});

test('a client that signs in while the others’ sessions are being ended stays signed in', async (t) => {
  const { stores, close } = await openStoresOf(harness);
  t.after(close);
  const [phone, late] = [await harness.phone(), await harness.phone()];
  await harness.signIn(late.client, phone.number);
  await stores.sessions.remove(phone.number, [phone.client]);
  assert.deepEqual(await stores.sessions.active(phone.number), [late.client]);
});

test('a client that signs in just before the removal is removed too, and is answered', async (t) => {
  const { stores, close } = await openStoresOf(harness);
  t.after(close);
  const [phone, late] = [await harness.phone(), await harness.phone()];
  await keep(phone, { 1: [] });
  const stored = await stores.profiles.read(phone.number);
  const sessions = {
    ...stores.sessions,
    async mark(...marked: Parameters<typeof stores.sessions.mark>) {
      await stores.sessions.mark(...marked);
      if (!marked[1].includes(late.client)) await harness.signIn(late.client, phone.number);
    },
  };
  const context = { ...stores, sessions } as Context;
  const outcome = await requests.remove.handler.handle(requestOf(phone, remove(phone), { stored }), context);
  assert.deepEqual(outcome.answers.map(({ to }) => to?.client).sort(), [late.client, undefined]);
  for (const device of [phone, late]) assert.equal(await stores.sessions.phoneOf(device.client), undefined);
  await finish(outcome, stores);
  await assertNothingLeft(harness, phone.number);
});

test('a set that makes the profile which a remove then deletes came first, and is answered as done', async (t) => {
  const { stores, close } = await openStoresOf(harness);
  t.after(close);
  const [phone, other] = [await harness.phone(), await harness.phone()];
  await harness.signIn(other.client, phone.number);
  const sessions = {
    ...stores.sessions,
    async phoneOf(...args: Parameters<typeof stores.sessions.phoneOf>) {
      assert.deepEqual(await other.ask(remove(phone)), removed(phone));
      return stores.sessions.phoneOf(...args);
    },
  };
  const asked = profile({ phone: phone.number, presence: atom('away'), status: 'set' });
  const outcome = await carryOut(requestOf(phone, asked), { ...stores, sessions });
  assert.equal(outcome.result, 'ok');
  await harness.idle();
  await assertNothingLeft(harness, phone.number);
});

test('a set that makes a profile after its session has ended leaves nothing, also when its retry is lost', async (t) => {
  const { stores, close } = await openStoresOf(harness);
  t.after(close);
  const phone = await harness.phone();
  const sessions = { ...stores.sessions, phoneOf: async () => undefined };
  const profiles = {
    ...stores.profiles,
    async drop(...args: Parameters<typeof stores.profiles.drop>) {
      assert.equal(await stores.profiles.drop(...args), 'stored');
      return stores.profiles.drop(...args);
    },
  };
  const asked = profile({ phone: phone.number, presence: atom('away'), status: 'set' });
  const outcome = await carryOut(requestOf(phone, asked), { ...stores, sessions, profiles });
  assert.equal(outcome.result, 'not_authorized');
  assert.equal(await stores.profiles.read(phone.number), undefined);
});

/** Sorted, because notices for different rosters come in any order. */
const sorted = (terms: Term[]): string[] => terms.map((term) => encode(term).toString('hex')).sort();
