/** `phone`: the new phone confirms a migration; the profile, its sessions and its contacts move. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { atom, decode, encode, type Term, Tuple } from '../../src/etf/index.ts';
import { feature, fieldsOf, type ProfileValues, profile, refusal, service, shortProfile } from '../terms.ts';
import { assertNothingLeft, contactsOf, entry, idOf, keep, keysOf, read, rostersOf } from './stage/books.ts';
import { type Phone, type Stage, startStage } from './stage/stage.ts';

let stage: Stage;
before(async () => {
  stage = await startStage({ workers: 2 });
});
after(() => stage.stop());

const confirm = ({ number }: Phone): Term => profile({ phone: number, status: 'phone' });

async function ask(from: Phone, to: Phone): Promise<void> {
  const answer = await from.ask(profile({ phone: to.number, status: 'migrate' }));
  assert.notDeepEqual(answer, refusal('already_exists'));
}

/** Ask and confirm, and wait until all is told; returns the answer's fields. */
async function move(from: Phone, to: Phone) {
  await ask(from, to);
  const answer = await to.ask(confirm(to));
  await stage.idle();
  return fieldsOf(answer);
}

/** Something in each field that a client owns. */
const everything: Partial<ProfileValues> = {
  services: [service({ id: 'vox-1', type: atom('vox'), login: 'me' })],
  settings: [feature('LANG', 'uk'), feature('TONE', '3')],
  presence: atom('online'),
};

test('without a migration phone is refused with not_authorized, and nothing changes', async () => {
  const phone = await stage.phone();
  assert.deepEqual(await phone.ask(confirm(phone)), refusal('not_authorized'));
  await keep(phone, { 1: ['380670000001_1'] });
  const before = await read(phone);
  assert.deepEqual(await phone.ask(confirm(phone)), refusal('not_authorized'));
  assert.deepEqual(await read(phone), before);
});

test('when the migration has expired, phone is refused with not_authorized and the profile stays', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, { 1: ['380670000001_1'] });
  const before = await read(old);
  for (const expires of [[fresh], [old], [old, fresh]]) {
    await ask(old, fresh);
    if (expires.includes(fresh)) await stage.database.pexpire(`migration:{${fresh.number}}`, 1);
    if (expires.includes(old)) await stage.database.pexpire(`migration:{${old.number}}:to`, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('not_authorized'));
    assert.deepEqual(await read(old), before);
  }
});

test('who asked for a migration cannot confirm it in the new phone’s name', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, {});
  await ask(old, fresh);
  for (const number of [fresh.number, old.number])
    assert.deepEqual(await old.ask(profile({ phone: number, status: 'phone' })), refusal('not_authorized'));
  assert.ok(await read(old));
});

test('the profile moves whole: services, settings, rosters, contacts; update is the server’s time', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
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
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, { 1: ['380670000001_1'] }, everything);
  await ask(old, fresh);
  const answer = fieldsOf(await fresh.ask(shortProfile({ phone: fresh.number, status: 'phone' })));
  assert.equal(answer.presence, undefined);
  assert.deepEqual(answer.rosters, rostersOf({ 1: ['380670000001_1'] }));
  await stage.idle();
  assert.deepEqual((await read(fresh)).presence, atom('online'));
});

test('the old phone’s sessions are the new phone’s, of all its devices; stale ones are dropped; nothing of the old phone is left', async () => {
  const [old, fresh, other] = [await stage.phone(), await stage.phone(), await stage.phone()];
  const tablet = await stage.phone({ number: old.number });
  await stage.database.sadd(`sessions:{${old.number}}`, 'ended', other.client);
  await keep(old, { 1: ['380670000001_1'] }, everything);
  for (const key of ['verify', 'aws']) await stage.database.set(`${key}:{${old.number}}`, 'x', 'EX', 1000);
  assert.ok((await keysOf(stage, old.number)).length >= 7);
  await move(old, fresh);
  await assertNothingLeft(stage, old.number);
  const members = await stage.database.smembers(`sessions:{${fresh.number}}`);
  assert.deepEqual(members.sort(), [old.client, tablet.client, fresh.client].sort());
  for (const device of [old, tablet]) {
    const answer = await device.ask(profile({ phone: fresh.number, status: 'get' }));
    assert.deepEqual(fieldsOf(answer).rosters, rostersOf({ 1: ['380670000001_1'] }));
    assert.deepEqual(
      await device.ask(profile({ phone: old.number, status: 'get' })),
      refusal('not_authorized'),
    );
  }
  assert.equal(await stage.database.hget(`session:${other.client}`, 'phone'), other.number);
});

test('of the new phone only what belongs to a profile is left: no migration, no copy; what moved has no time to live', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, { 1: ['380670000001_1'] });
  await move(old, fresh);
  const keys = (await keysOf(stage, fresh.number)).filter((key) => !key.startsWith('done:'));
  const lasting = ['contacts', 'profile', 'sessions'].map((kind) => `${kind}:{${fresh.number}}`);
  assert.deepEqual(keys, [...lasting, `session:${old.client}`, `session:${fresh.client}`].sort());
  for (const key of lasting) assert.equal(await stage.database.ttl(key), -1, key);
});

test('only the client that confirms is answered', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  const tablet = await stage.phone({ number: fresh.number });
  await keep(old, {});
  await move(old, fresh);
  for (const device of [old, fresh, tablet]) {
    await device.fence();
    assert.deepEqual(device.answers, []);
  }
});

test('counterparties’ entries get the new phone_id in their old places, all else in them stays, one notice each', async () => {
  const [old, fresh, friend] = [await stage.phone(), await stage.phone(), await stage.phone()];
  await keep(old, { 1: [idOf(friend, 3)] });
  await keep(friend, { 3: ['380670000001_1', idOf(old), '380670000002_1'] });
  await move(old, fresh);
  const renamed = contactNamed(idOf(old), idOf(fresh));
  assert.deepEqual(contactsOf((await read(friend)).rosters), {
    3: [entry('380670000001_1'), renamed, entry('380670000002_1')],
  });
  assert.deepEqual(await friend.newNotices(), [renamed]);
  // The new phone_id is a full one: news find their way by it, in both directions.
  await fresh.ask(profile({ phone: fresh.number, presence: atom('away'), status: 'update' }));
  await stage.idle();
  assert.deepEqual((await friend.newNotices()).length, 1);
  await friend.ask(profile({ phone: friend.number, presence: atom('away'), status: 'update' }));
  await stage.idle();
  assert.deepEqual((await fresh.newNotices()).length, 1);
});

test('several rosters on both sides: each pair is renamed and told once, entries that are no pair stay', async () => {
  const [old, fresh, friend] = [await stage.phone(), await stage.phone(), await stage.phone()];
  await keep(old, { 1: [idOf(friend, 4)], 2: [idOf(friend, 4), idOf(friend, 5)] });
  await keep(friend, { 4: [idOf(old, 2), 'x', idOf(old, 1)], 5: [idOf(old, 1), idOf(old, 2)] });
  await move(old, fresh);
  const renamed = (roster: number) => contactNamed(idOf(old, roster), idOf(fresh, roster));
  assert.deepEqual(contactsOf((await read(friend)).rosters), {
    4: [renamed(2), entry('x'), renamed(1)],
    5: [entry(idOf(old, 1)), renamed(2)],
  });
  assert.deepEqual(sorted(await friend.newNotices()), sorted([renamed(1), renamed(2), renamed(2)]));
});

test('a counterparty that has the new phone_id already keeps one entry: the old one, renamed, in its place', async () => {
  const [old, fresh, before, behind] = [
    await stage.phone(),
    await stage.phone(),
    await stage.phone(),
    await stage.phone(),
  ];
  await keep(old, { 1: [idOf(before), idOf(behind)] });
  await keep(before, { 1: [idOf(fresh), 'x', idOf(old), 'y'] });
  await keep(behind, { 1: ['x', idOf(old), 'y', idOf(fresh)] });
  await move(old, fresh);
  const renamed = contactNamed(idOf(old), idOf(fresh));
  for (const friend of [before, behind]) {
    assert.deepEqual(contactsOf((await read(friend)).rosters), { 1: [entry('x'), renamed, entry('y')] });
    assert.deepEqual(await friend.newNotices(), [renamed]);
  }
});

test('a contact that holds only the new phone_id, or neither, is neither told nor changed', async () => {
  const [old, fresh, newOnly, neither] = [
    await stage.phone(),
    await stage.phone(),
    await stage.phone(),
    await stage.phone(),
  ];
  await keep(old, { 1: [idOf(newOnly), idOf(neither)] });
  await keep(newOnly, { 1: [idOf(fresh)] });
  await keep(neither, { 1: ['380670000001_1'] });
  const before = await Promise.all([newOnly, neither].map(read));
  await move(old, fresh);
  assert.deepEqual(await Promise.all([newOnly, neither].map(read)), before);
  for (const one of [newOnly, neither]) assert.deepEqual(await one.newNotices(), []);
});

test('a contact that is oneself gets the new phone_id too, and the notice comes under the new phone', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, { 1: ['x', idOf(old, 1), idOf(old, 2)], 2: [idOf(old, 1)] });
  await move(old, fresh);
  const renamed = (roster: number) => contactNamed(idOf(old, roster), idOf(fresh, roster));
  assert.deepEqual(contactsOf((await read(fresh)).rosters), {
    1: [entry('x'), renamed(1), renamed(2)],
    2: [renamed(1)],
  });
  assert.deepEqual(sorted(await fresh.newNotices()), sorted([renamed(1), renamed(1), renamed(2)]));
  assert.deepEqual(await old.newNotices(), []);
});

test('an empty profile at the new phone is replaced, with all that was in it', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, { 1: ['380670000001_1'] }, { presence: atom('online') });
  await keep(fresh, {}, { ...everything, presence: atom('away') });
  const { services, settings, presence } = await move(old, fresh);
  assert.deepEqual([services, settings, presence], [[], [], atom('online')]);
});

test('when the new phone got rosters meanwhile, phone is refused with already_exists and both profiles stay', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, { 1: ['380670000001_1'] });
  await ask(old, fresh);
  await keep(fresh, { 1: ['380670000002_1'] });
  const before = await Promise.all([old, fresh].map(read));
  assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('already_exists'));
  assert.deepEqual(await Promise.all([old, fresh].map(read)), before);
});

test('phone and a set of rosters at the new phone at once: either comes first, and no profile is lost', async () => {
  for (let round = 0; round < 20; round++) {
    const [old, fresh] = [await stage.phone(), await stage.phone()];
    const tablet = await stage.phone({ number: fresh.number });
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
    await stage.idle();
    if (isDeepStrictEqual(answer, refusal('already_exists'))) {
      assert.deepEqual((await read(old)).presence, atom('of_old'));
      assert.deepEqual((await read(fresh)).rosters, rosters);
    } else {
      assert.deepEqual((await read(fresh)).presence, atom('of_old'));
      await assertNothingLeft(stage, old.number);
    }
  }
});

test('a second phone finds no migration any more', async () => {
  const [old, fresh] = [await stage.phone(), await stage.phone()];
  await keep(old, {}, everything);
  await move(old, fresh);
  const before = await read(fresh);
  assert.deepEqual(await fresh.ask(confirm(fresh)), refusal('not_authorized'));
  assert.deepEqual(await read(fresh), before);
});

test('two devices that confirm at once: the profile moves once, whole, and each contact is told', async () => {
  for (let round = 0; round < 10; round++) {
    const [old, fresh, friend] = [await stage.phone(), await stage.phone(), await stage.phone()];
    const tablet = await stage.phone({ number: fresh.number });
    await keep(old, { 1: [idOf(friend)] }, everything);
    await keep(friend, { 1: [idOf(old)] });
    await ask(old, fresh);
    await Promise.all([fresh.send(confirm(fresh)), tablet.send(confirm(fresh))]);
    const answers = [decode((await fresh.take()).payload), decode((await tablet.take()).payload)];
    await stage.idle();
    const moved = answers.filter((answer) => !isDeepStrictEqual(answer, refusal('not_authorized')));
    assert.ok(moved.length > 0);
    const stored = await read(fresh);
    for (const answer of moved) assert.deepEqual(fieldsOf(answer), { ...stored, status: atom('phone') });
    assert.deepEqual(stored.settings, everything.settings);
    await assertNothingLeft(stage, old.number);
    const left = (await keysOf(stage, fresh.number)).map((key) => key.split(':', 1)[0]);
    assert.deepEqual(
      left.filter((kind) => kind === 'arriving' || kind === 'migration'),
      [],
    );
    const renamed = contactNamed(idOf(old), idOf(fresh));
    assert.deepEqual(contactsOf((await read(friend)).rosters), { 1: [renamed] });
    const notices = await friend.newNotices();
    assert.ok(notices.length > 0);
    for (const notice of notices) assert.deepEqual(notice, renamed);
  }
});

test('a profile that moved can move on, and back', async () => {
  const [first, second, friend] = [await stage.phone(), await stage.phone(), await stage.phone()];
  await keep(first, { 1: [idOf(friend)] }, everything);
  await keep(friend, { 1: ['x', idOf(first)] });
  await move(first, second);
  await stage.signIn(first.client, first.number);
  await move(second, first);
  assert.deepEqual((await read(first)).settings, everything.settings);
  assert.deepEqual(contactsOf((await read(friend)).rosters), { 1: [entry('x'), entry(idOf(first))] });
  await assertNothingLeft(stage, second.number);
});

/** The entry that was kept under one `phone_id`, under another. */
function contactNamed(kept: string, phoneId: string): Term {
  const [tag, , ...rest] = entry(kept).elements;
  const [, id] = entry(phoneId).elements;
  return new Tuple([tag ?? [], id ?? [], ...rest]);
}

/** In an order of their own, as notices for different rosters come in any. */
const sorted = (terms: Term[]): string[] => terms.map((term) => encode(term).toString('hex')).sort();
