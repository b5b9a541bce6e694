/** `phone`: the new phone confirms a migration; the profile, its sessions and its contacts move. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { atom, decode, type Term } from '../../../src/etf/index.ts';
import {
  afterMove,
  assertNothingLeft,
  contactNamed,
  contactsOf,
  entry,
  idOf,
  keep,
  keysOf,
  read,
  rostersOf,
} from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { ask, confirm, move as moveOn } from '../../harness/migration.ts';
import {
  feature,
  fieldsOf,
  type ProfileValues,
  profile,
  refusal,
  service,
  shortProfile,
} from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const move = (from: Phone, to: Phone) => moveOn(harness, from, to);

/** Something in each field that a client owns. */
const everything: Partial<ProfileValues> = {
  services: [service({ id: 'vox-1', type: atom('vox'), login: 'me' })],
  settings: [feature('LANG', 'uk'), feature('TONE', '3')],
  presence: atom('online'),
};

test('without a migration phone is refused with not_authorized, and nothing changes', async () => {
  const phone = await harness.phone();
  assert.deepEqual(await phone.ask(confirm(phone)), refusal('not_authorized'));
  await keep(phone, { 1: ['380670000001_1'] });
  const before = await read(phone);
  assert.deepEqual(await phone.ask(confirm(phone)), refusal('not_authorized'));
  assert.deepEqual(await read(phone), before);
});

test('when the migration has expired, phone is refused with not_authorized and the profile stays', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: ['380670000001_1'] });
  const before = await read(old);
  for (const expires of [[fresh], [old], [old, fresh]]) {
    await ask(old, fresh);
    if (expires.includes(fresh)) await harness.database.pexpire(`migration:{${fresh.number}}`, 1);
    if (expires.includes(old)) await harness.database.pexpire(`migration:{${old.number}}:to`, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('not_authorized'));
    assert.deepEqual(await read(old), before);
  }
});

test('the client that asked for a migration cannot confirm it in the new phone’s name', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, {});
  await ask(old, fresh);
  for (const number of [fresh.number, old.number])
    assert.deepEqual(await old.ask(profile({ phone: number, status: 'phone' })), refusal('not_authorized'));
  assert.ok(await read(old));
});

test('the profile moves whole: services, settings, rosters, contacts; update is the server’s time', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: ['380670000001_1', '380670000002_2'], 5: ['380670000003_1'] }, everything);
  const before = await read(old);
  const from = Date.now();
  const answer = await move(old, fresh);
  assert.ok(Number(answer.update) >= from && Number(answer.update) <= Date.now());
  const { phone } = fieldsOf(profile({ phone: fresh.number, status: 'phone' }));
  assert.deepEqual(answer, { ...before, phone, update: answer.update, status: atom('phone') });
  assert.deepEqual(await read(fresh), { ...answer, status: atom('get') });
});

test('a phone of 8 elements is answered with 8', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: ['380670000001_1'] }, everything);
  await ask(old, fresh);
  const answer = fieldsOf(await fresh.ask(shortProfile({ phone: fresh.number, status: 'phone' })));
  assert.equal(answer.presence, undefined);
  assert.deepEqual(answer.rosters, rostersOf({ 1: ['380670000001_1'] }));
  await harness.idle();
  assert.deepEqual((await read(fresh)).presence, atom('online'));
});

test('the old phone’s sessions become the new phone’s, of all its devices; stale ones are dropped; no data of the old phone remains', async () => {
  const [old, fresh, other] = [await harness.phone(), await harness.phone(), await harness.phone()];
  const tablet = await harness.phone({ number: old.number });
  await harness.database.sadd(`sessions:{${old.number}}`, 'ended', other.client);
  await keep(old, { 1: ['380670000001_1'] }, everything);
  for (const key of ['verify', 'aws']) await harness.database.set(`${key}:{${old.number}}`, 'x', 'EX', 1000);
  assert.ok((await keysOf(harness, old.number)).length >= 7);
  await move(old, fresh);
  await tablet.take();
  await assertNothingLeft(harness, old.number);
  const members = await harness.database.smembers(`sessions:{${fresh.number}}`);
  assert.deepEqual(members.sort(), [old.client, tablet.client, fresh.client].sort());
  for (const device of [old, tablet]) {
    const answer = await device.ask(profile({ phone: fresh.number, status: 'get' }));
    assert.deepEqual(fieldsOf(answer).rosters, rostersOf({ 1: ['380670000001_1'] }));
    assert.deepEqual(
      await device.ask(profile({ phone: old.number, status: 'get' })),
      refusal('not_authorized'),
    );
  }
  assert.equal(await harness.database.hget(`session:${other.client}`, 'phone'), other.number);
});

test('at the new phone only the data of a profile remains: no migration, no copy; the moved data does not expire', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: ['380670000001_1'] });
  await move(old, fresh);
  const keys = (await keysOf(harness, fresh.number)).filter((key) => !key.startsWith('done:'));
  const lasting = ['contacts', 'profile', 'sessions'].map((kind) => `${kind}:{${fresh.number}}`);
  assert.deepEqual(keys, [...lasting, `session:${old.client}`, `session:${fresh.client}`].sort());
  for (const key of lasting) assert.equal(await harness.database.ttl(key), -1, key);
});

test('an empty profile at the new phone is replaced, with all its data', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: ['380670000001_1'] }, { presence: atom('online') });
  await keep(fresh, {}, { ...everything, presence: atom('away') });
  const { services, settings, presence } = await move(old, fresh);
  assert.deepEqual([services, settings, presence], [[], [], atom('online')]);
});

test('when the new phone got rosters meanwhile, phone is refused with already_exists and both profiles stay', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: ['380670000001_1'] });
  await ask(old, fresh);
  await keep(fresh, { 1: ['380670000002_1'] });
  const before = await Promise.all([old, fresh].map(read));
  assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('already_exists'));
  assert.deepEqual(await Promise.all([old, fresh].map(read)), before);
});

test('phone and a set of rosters at the new phone at once: either comes first, and no profile is lost', async () => {
  for (let round = 0; round < 20; round++) {
    const [old, fresh] = [await harness.phone(), await harness.phone()];
    const tablet = await harness.phone({ number: fresh.number });
    await keep(old, { 1: ['380670000001_1'] }, { presence: atom('of_old') });
    await keep(fresh, {});
    await ask(old, fresh);
    const rosters = rostersOf({ 1: ['380670000002_1'] });
    await Promise.all([
      fresh.send(confirm(fresh)),
      tablet.send(profile({ phone: fresh.number, rosters, status: 'set' })),
    ]);
    const answer = decode((await fresh.take()).payload);
    await tablet.take();
    await harness.idle();
    if (isDeepStrictEqual(answer, refusal('already_exists'))) {
      assert.deepEqual((await read(old)).presence, atom('of_old'));
      assert.deepEqual((await read(fresh)).rosters, rosters);
    } else {
      assert.deepEqual((await read(fresh)).presence, atom('of_old'));
      await assertNothingLeft(harness, old.number);
    }
  }
});

test('a second phone finds no migration any more', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, {}, everything);
  await move(old, fresh);
  const before = await read(fresh);
  assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('not_authorized'));
  assert.deepEqual(await read(fresh), before);
});

test('two devices that confirm at once: the profile moves once, whole, and each contact is notified', async () => {
  for (let round = 0; round < 10; round++) {
    const [old, fresh, friend] = [await harness.phone(), await harness.phone(), await harness.phone()];
    const tablet = await harness.phone({ number: fresh.number });
    await keep(old, { 1: [idOf(friend)] }, everything);
    await keep(friend, { 1: [idOf(old)] });
    await ask(old, fresh);
    await Promise.all([fresh.send(confirm(fresh)), tablet.send(confirm(fresh))]);
    const answers: Term[] = [];
    await Promise.all(
      [fresh.take(), tablet.take()].map(async (answer) => answers.push(decode((await answer).payload))),
    );
    await harness.idle();
    for (const device of [fresh, tablet, old]) {
      await device.fence();
      answers.push(...device.answers.splice(0).map(({ payload }) => decode(payload)));
    }
    const moved = answers.filter((answer) => !isDeepStrictEqual(answer, refusal('not_authorized')));
    assert.ok(moved.length > 0);
    const stored = await read(fresh);
    for (const answer of moved) assert.deepEqual(fieldsOf(answer), { ...stored, status: atom('phone') });
    assert.deepEqual(stored.settings, everything.settings);
    await assertNothingLeft(harness, old.number);
    const left = (await keysOf(harness, fresh.number)).map((key) => key.split(':', 1)[0]);
    assert.deepEqual(
      left.filter((kind) => kind === 'arriving' || kind === 'migration'),
      [],
    );
    const renamed = contactNamed(idOf(old), idOf(fresh));
    assert.deepEqual(contactsOf((await read(friend)).rosters), { 1: [renamed] });
    const notices = await friend.newNotices();
    assert.ok(notices.length > 0);
    const told = afterMove(renamed, idOf(old));
    for (const notice of notices) assert.ok(told.some((one) => isDeepStrictEqual(one, notice)));
  }
});

test('a profile that moved can move on, and back', async () => {
  const [first, second, friend] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(first, { 1: [idOf(friend)] }, everything);
  await keep(friend, { 1: ['x', idOf(first)] });
  await move(first, second);
  await harness.signIn(first.client, first.number);
  await move(second, first);
  assert.deepEqual((await read(first)).settings, everything.settings);
  assert.deepEqual(contactsOf((await read(friend)).rosters), { 1: [entry('x'), entry(idOf(first))] });
  await assertNothingLeft(harness, second.number);
});
