/** Attacks on the limits of mails and codes: flooding a mailbox, locking its owner out, guessing a code. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Term } from '../../src/etf/index.ts';
import type { Phone } from '../harness/harness.ts';
import { move } from '../harness/migration.ts';
import {
  age,
  asked,
  codeIn,
  confirm,
  everythingIn,
  holds,
  link,
  linked,
  otherCode,
  startMailHarness,
  success,
} from '../harness/services-fixture.ts';
import { profile, refusal } from '../harness/terms.ts';

const own = await startMailHarness({ workers: 2 });
after(() => own.stop());

const [sent, verified] = [success('email_sent'), success('verified')];
const [tooMany, wrong] = [refusal('too_many_requests'), refusal('wrong_code')];
const hour = 60 * 60_000;
const day = 24 * hour;

const strangers = (count: number) => Promise.all(Array.from({ length: count }, () => own.harness.phone()));
const remove = (phone: Phone) => phone.ask(profile({ phone: phone.number, status: 'remove' }));
const signIn = (phone: Phone) => own.harness.signIn(phone.client, phone.number);
/** Lets another code be mailed to the phone at once. */
const rest = ({ number }: Phone) => own.harness.database.del(`limit:{${number}}:link`);
const newestCode = (address: string) =>
  codeIn(own.sink.mails().findLast(({ to }) => to[0] === address) ?? assert.fail());

/** Requests a code for each phone; returns how many got one, and which did not. */
async function ask(phones: readonly Phone[], addressOf: (index: number) => string) {
  const answers = await Promise.all(phones.map((phone, index) => phone.ask(link(phone, addressOf(index)))));
  const refused = phones.filter((_, index) => isDeepStrictEqual(answers[index], tooMany));
  assert.equal(
    refused.length + answers.filter((answer) => isDeepStrictEqual(answer, sent)).length,
    phones.length,
  );
  return { sent: phones.length - refused.length, refused };
}

/** Twelve spellings of each. */
const spellings: Record<string, (index: number) => string> = {
  'with subaddresses': (index) => `tagged+${index}@limits.example`,
  'with dots': (index) =>
    `${[...'undotted'].map((letter, at) => (index & (1 << at) ? `${letter}.` : letter)).join('')}@limits.example`,
  'in capitals': (index) =>
    `${'in-small-letters'.slice(0, index).toUpperCase()}${'in-small-letters'.slice(index)}@Limits.example`,
  'with its domain in Punycode': (index) =>
    `ann@${['приклад.укр', 'ПРИКЛАД.укр', 'xn--80aikifvh.xn--j1amh', 'XN--80aikifvh.укр'][index % 4]}`,
};

for (const [how, spelling] of Object.entries(spellings)) {
  test(`a mailbox gets ten mails an hour from twelve strangers, also written ${how}`, async () => {
    const result = await ask(await strangers(12), spelling);
    assert.equal(result.sent, 10);
    const [refused] = result.refused;
    assert.ok(refused);
    // It used no slot of the phone's own limit.
    assert.deepEqual(await refused.ask(link(refused, 'apart@other.example')), sent);
    await age(own.harness.database, 'limit:{*}:address', hour);
    await rest(refused);
    assert.deepEqual(await refused.ask(link(refused, spelling(0))), sent);
  });
}

test('a domain gets a hundred mails an hour, whatever the local parts, until twenty phones have confirmed one there', async () => {
  const phones = await strangers(20);
  for (let count = 0; count < 5; count++) {
    const result = await ask(phones, (index) => `any-${count}-${index}@catch-all.example`);
    assert.equal(result.sent, 20);
    for (const phone of phones) await age(own.harness.database, `limit:{${phone.number}}:link`, 60_000);
  }
  const more = await strangers(3);
  assert.equal((await ask(more, (index) => `more-${index}@catch-all.example`)).sent, 0);
  assert.equal((await ask(more, (index) => `more-${index}@other.example`)).sent, 3);
  for (const phone of more) await rest(phone);

  for (const [place, phone] of phones.entries()) {
    const [stranger] = more;
    assert.ok(stranger);
    assert.deepEqual(await stranger.ask(link(stranger, `late-${place}@catch-all.example`)), tooMany);
    const address = `any-4-${place}@catch-all.example`;
    assert.deepEqual(await phone.ask(confirm(phone, address, newestCode(address))), verified);
  }
  assert.equal((await ask(more, (index) => `more-${index}@catch-all.example`)).sent, 3);
});

test('ten strangers cannot lock out a phone that has confirmed the address, also after a removal', async () => {
  const { phone, address, code } = await asked(own);
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), verified);
  await rest(phone);
  // The first mail was one of the ten, as the address was not confirmed then.
  assert.equal((await ask(await strangers(11), () => address)).sent, 9);
  assert.deepEqual(await phone.ask(link(phone, address)), sent);

  await remove(phone);
  await signIn(phone);
  for (let count = 1; count <= 5; count++) {
    await rest(phone);
    assert.deepEqual(await phone.ask(link(phone, address)), sent);
  }
  // Another address in the same mailbox may be another person's where dots count.
  await rest(phone);
  assert.deepEqual(await phone.ask(link(phone, address.replace('ann', 'a.nn'))), tooMany);
  const [newcomer] = await strangers(1);
  assert.ok(newcomer);
  assert.deepEqual(await newcomer.ask(link(newcomer, address)), tooMany);
});

test('a phone that has confirmed an address still has its own limit', async () => {
  const { phone, address, code } = await asked(own);
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), verified);
  assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
  for (let count = 2; count <= 5; count++) {
    await age(own.harness.database, `limit:{${phone.number}}:link`, 60_000);
    assert.deepEqual(await phone.ask(link(phone, address)), sent);
  }
  await age(own.harness.database, `limit:{${phone.number}}:link`, 60_000);
  assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
});

test('removing and signing in again gives a phone no new codes and no new tries', async () => {
  const { phone, address, code } = await asked(own);
  for (let count = 1; count <= 5; count++) {
    assert.deepEqual(await phone.ask(confirm(phone, address, otherCode(code, count))), wrong);
  }
  const counted = await countsOf(phone);
  await remove(phone);
  await signIn(phone);
  assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
  assert.deepEqual(await countsOf(phone), counted);
  assert.deepEqual(counted, [1, 1, 5]);
});

test('moving a profile away and back gives neither phone new codes or tries', async () => {
  const { phone, address, code } = await asked(own);
  const other = await asked(own);
  for (const each of [{ phone, address, code }, other])
    assert.deepEqual(await each.phone.ask(confirm(each.phone, each.address, otherCode(each.code))), wrong);
  await remove(other.phone);
  await signIn(other.phone);
  await move(own.harness, phone, other.phone);
  await signIn(phone);
  assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
  assert.deepEqual(await other.phone.ask(link(other.phone, address)), tooMany);
  await move(own.harness, other.phone, phone);
  assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
  assert.deepEqual(
    [await countsOf(phone), await countsOf(other.phone)],
    [
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ],
  );
});

/** Slots taken in the limits of a phone; each expires. */
async function countsOf({ number }: Phone): Promise<number[]> {
  const keys = (await own.harness.database.keys(`limit:{${number}}:*`)).sort();
  for (const key of keys) assert.ok((await own.harness.database.pttl(key)) > 0, `${key} lapses`);
  return Promise.all(keys.map((key) => own.harness.database.zcard(key)));
}

/** Tries wrong codes, a fixed number for each mailed code. */
async function tryWrong(phone: Phone, address: string, counts: readonly number[]): Promise<string> {
  let code = '';
  for (const count of counts) {
    await rest(phone);
    assert.deepEqual(await phone.ask(link(phone, address)), sent);
    code = newestCode(address);
    for (let distance = 1; distance <= count; distance++)
      assert.deepEqual(await phone.ask(confirm(phone, address, otherCode(code, distance))), wrong);
  }
  return code;
}

test('after ten wrong codes in a day no code of the phone for the address is accepted or mailed; other phones’ are', async () => {
  const [phone, other] = await strangers(2);
  assert.ok(phone && other);
  const address = 'guessed@tries.example';
  const code = await tryWrong(phone, address, [4, 4, 2]);
  // Its own tries have not used this one up, and it is right.
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), wrong);
  await rest(phone);
  assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
  assert.deepEqual(await phone.ask(link(phone, 'guessed+1@tries.example')), tooMany);
  const elsewhere = await linked(own, phone, 'other@tries.example');
  assert.deepEqual(await phone.ask(confirm(phone, 'other@tries.example', elsewhere)), verified);
  assert.deepEqual(await other.ask(link(other, address)), sent);
  assert.deepEqual(await other.ask(confirm(other, address, newestCode(address))), verified);

  const tries = `limit:{${phone.number}}:tries:*`;
  await age(own.harness.database, tries, day - hour);
  await rest(phone);
  assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
  await age(own.harness.database, tries, hour);
  assert.deepEqual(await phone.ask(link(phone, address)), sent);
  assert.deepEqual(await phone.ask(confirm(phone, address, newestCode(address))), verified);
});

test('wrong codes count together for all spellings of a mailbox', async () => {
  const [phone] = await strangers(1);
  assert.ok(phone);
  await tryWrong(phone, 'spelt+1@tries.example', [5]);
  const code = await tryWrong(phone, 'Sp.elt+2@tries.example', [5]);
  assert.deepEqual(await phone.ask(confirm(phone, 'Sp.elt+2@tries.example', code)), wrong);
  await rest(phone);
  assert.deepEqual(await phone.ask(link(phone, 'spelt@tries.example')), tooMany);
});

test('forty wrong codes at once, over two workers, use at most the ten tries of the day', async () => {
  const [phone] = await strangers(1);
  assert.ok(phone);
  await tryWrong(phone, 'burst@tries.example', [4, 4, 0]);
  const code = newestCode('burst@tries.example');
  const guess = (index: number): Term => confirm(phone, 'burst@tries.example', otherCode(code, index + 1));
  await Promise.all(Array.from({ length: 40 }, (_, index) => phone.send(guess(index), { qos: 1 })));
  for (let count = 0; count < 40; count++) await phone.take();
  assert.equal(
    await own.harness.database.zcard(
      (await own.harness.database.keys(`limit:{${phone.number}}:tries:*`))[0] ?? '',
    ),
    10,
  );
});

test('the data of the limits expires, is bounded, and names no address; a phone is only in its own keys', async () => {
  const { phone, address, code } = await asked(own);
  await phone.ask(confirm(phone, address, otherCode(code)));
  await phone.ask(confirm(phone, address, code));
  const all = await everythingIn(own.harness.database);
  const keys = [...all.keys()].filter((key) => /^(limit|confirmed):/.test(key));
  assert.ok(keys.includes(`confirmed:{${phone.number}}`));
  for (const key of keys) {
    assert.match(
      key,
      /^limit:\{\d{5,15}\}:(link|mails|migrate|tries:[\w-]{43})$|^limit:\{[\w-]{43}\}:(address|domain)$|^confirmed:\{(\d{5,15}|[\w-]{43})\}$/,
    );
    const left = await own.harness.database.pttl(key);
    assert.ok(left > 0 && left <= 90 * day, `${key} is kept for ${left} ms`);
    assert.ok((await own.harness.database.zcard(key)) <= 100, key);
    const held = `${key}\n${all.get(key)}`;
    assert.ok(!holds(held, 'example') && !held.includes('@'), key);
    if (!key.includes(`{${phone.number}}`)) assert.ok(!held.includes(phone.number), key);
  }
});

test('of the addresses that a phone has confirmed the newest sixteen are kept', async () => {
  const [phone] = await strangers(1);
  assert.ok(phone);
  for (let count = 0; count < 17; count++) {
    await rest(phone);
    const code = await linked(own, phone, `many-${count}@many.example`);
    assert.deepEqual(await phone.ask(confirm(phone, `many-${count}@many.example`, code)), verified);
  }
  assert.equal(await own.harness.database.zcard(`confirmed:{${phone.number}}`), 16);
});
