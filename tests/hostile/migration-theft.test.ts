/** Strangers who ask to move to a number cannot take it, and cannot keep its owner from moving there. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, equal, type Term, Tuple } from '../../src/etf/index.ts';
import { maxListed } from '../../src/store/proposals.ts';
import { keep, read } from '../harness/address-books.ts';
import { carryOut, openStoresOf, requestOf } from '../harness/direct-calls.ts';
import { type Phone, startHarness } from '../harness/harness.ts';
import { confirmBeside } from '../harness/migration.ts';
import { feature, fieldsOf, profile, refusal, text } from '../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const accepted = new Tuple([atom('io'), new Tuple([atom('ok'), atom('migration')]), text('')]);
const unclear = refusal('not_authorized');

/** A phone whose profile is identified by its presence. */
async function settled(number?: string): Promise<Phone> {
  const phone = await harness.phone(number === undefined ? {} : { number });
  await keep(phone, {}, { presence: atom(`of_${phone.number}`) });
  return phone;
}

const wish = async (phone: Phone, to: { readonly number: string }): Promise<void> =>
  assert.deepEqual(await phone.ask(profile({ phone: to.number, status: 'migrate' })), accepted);

/** @param named - the old phone that the request names, in any form. */
const confirm = (phone: Phone, number = phone.number, named?: Term | string): Promise<Term> =>
  confirmBeside(
    phone,
    profile({ phone: number, status: 'phone', ...(named && { settings: [feature('OLD_PHONE', named)] }) }),
  );

const assertMoved = (answer: Term, old: Phone): void =>
  assert.deepEqual(fieldsOf(answer).presence, atom(`of_${old.number}`));

/** The owner of a number moves there with the device that asked; its session is the new number's by now. */
async function signInAs(device: Phone, number: string): Promise<void> {
  await harness.signIn(device.client, number);
}

async function assertStayed(...phones: Phone[]): Promise<void> {
  for (const phone of phones) {
    assert.deepEqual((await read(phone)).presence, atom(`of_${phone.number}`));
    assert.equal(await harness.database.hget(`session:${phone.client}`, 'phone'), phone.number);
  }
}

test('a stranger who asks for the same number after its owner cannot take it', async () => {
  const [owner, stranger, fresh] = [await settled(), await settled(), await harness.phone()];
  await wish(owner, fresh);
  await wish(stranger, fresh);
  // A different device than the one that asked: which of two proposals is meant is unclear.
  assert.deepEqual(await confirm(fresh), unclear);
  await assertStayed(owner, stranger);
  await signInAs(owner, fresh.number);
  assertMoved(await confirm(owner, fresh.number), owner);
  await harness.idle();
  await assertStayed(stranger);
  const asked = await stranger.ask(profile({ phone: fresh.number, status: 'get' }));
  assert.deepEqual(asked, unclear);
});

test('a stranger who asks first, and elsewhere afterwards, neither replaces nor cancels the owner’s proposal', async () => {
  const [owner, stranger] = [await settled(), await settled()];
  const [fresh, elsewhere] = [await harness.phone(), await harness.phone()];
  await wish(stranger, fresh);
  await wish(owner, fresh);
  await wish(stranger, elsewhere);
  assertMoved(await confirm(fresh), owner);
  await harness.idle();
  await assertStayed(stranger);
});

test('asking for the owner’s number and then for another does not cancel the owner’s proposal', async () => {
  const [owner, stranger] = [await settled(), await settled()];
  const [fresh, elsewhere] = [await harness.phone(), await harness.phone()];
  await wish(owner, fresh);
  await wish(stranger, fresh);
  await wish(stranger, elsewhere);
  assertMoved(await confirm(fresh), owner);
});

test('OLD_PHONE names the intended proposal, in all forms of a phone', async () => {
  const forms: ((number: string) => Term | string)[] = [
    (number) => number,
    (number) => `+${number}`,
    (number) => [...Buffer.from(number)],
    (number) => Number(number),
  ];
  for (const form of forms) {
    const [owner, stranger, fresh] = [await settled(), await settled(), await harness.phone()];
    await wish(owner, fresh);
    await wish(stranger, fresh);
    assertMoved(await confirm(fresh, fresh.number, form(owner.number)), owner);
    await harness.idle();
    await assertStayed(stranger);
  }
});

test('OLD_PHONE of a phone that does not ask to move here is refused, and nothing changes', async () => {
  const [owner, other, fresh, elsewhere] = [
    await settled(),
    await settled(),
    await harness.phone(),
    await harness.phone(),
  ];
  await wish(owner, fresh);
  await wish(other, elsewhere);
  for (const { number } of [other, elsewhere, fresh, { number: '380990000000' }])
    assert.deepEqual(await confirm(fresh, fresh.number, number), unclear);
  for (const bad of ['1234', 'nobody', atom('x')])
    assert.deepEqual(await confirm(fresh, fresh.number, bad), refusal('invalid_data'));
  await assertStayed(owner, other);
  assertMoved(await confirm(fresh), owner);
});

test('OLD_PHONE of a stranger who does ask: the owner of the number takes that profile knowingly', async () => {
  const [owner, stranger, fresh] = [await settled(), await settled(), await harness.phone()];
  await wish(owner, fresh);
  await wish(stranger, fresh);
  await signInAs(owner, fresh.number);
  assertMoved(await confirm(owner, fresh.number, stranger.number), stranger);
});

test('of two numbers that one client asked for, the last one counts', async () => {
  const [first, fresh] = [await settled(), await harness.phone()];
  const second = await settled();
  await wish(second, fresh);
  await wish(first, fresh);
  // The first one's client signs in with the second number, and asks from there too.
  await signInAs(first, second.number);
  await wish(first, fresh);
  await signInAs(first, fresh.number);
  assertMoved(await confirm(first, fresh.number), second);
});

test('proposals do not count after a later proposal elsewhere, a removal, or their expiry', async () => {
  const [owner, fresh, elsewhere] = [await settled(), await harness.phone(), await harness.phone()];
  const [moved, removed, lapsed] = [await settled(), await settled(), await settled()];
  for (const one of [moved, removed, owner, lapsed]) await wish(one, fresh);
  await wish(moved, elsewhere);
  await removed.ask(profile({ phone: removed.number, status: 'remove' }));
  assert.deepEqual(await confirm(fresh), unclear);
  await harness.database.del(`migration:{${lapsed.number}}:to`);
  assertMoved(await confirm(fresh), owner);
});

/** This many strangers ask, one after another; each needs one client. */
async function strangers(count: number, to: Phone): Promise<Phone[]> {
  const client = await harness.phone();
  const all: Phone[] = [];
  for (let each = 0; each < count; each++) {
    const number = `38099${String(1_000_000 + ++strangerCount)}`;
    await signInAs(client, number);
    await client.ask(profile({ phone: number, presence: atom('x'), status: 'set' }));
    await client.ask(profile({ phone: to.number, status: 'migrate' }));
    all.push({ client: client.client, number } as Phone);
  }
  return all;
}
let strangerCount = 0;

const listed = async ({ number }: Phone): Promise<string[]> =>
  (await harness.database.hkeys(`migration:{${number}}`)).filter((field) => /^\d+$/.test(field));

test('strangers fill the list: it stays bounded, and a named proposal or one of this client still counts', async () => {
  const [byClient, byName] = [await settled(), await settled()];
  for (const [owner, isNamed] of [
    [byClient, false],
    [byName, true],
  ] as const) {
    const fresh = await harness.phone();
    await strangers(maxListed + 3, fresh);
    await wish(owner, fresh);
    const numbers = await listed(fresh);
    assert.equal(numbers.length, maxListed);
    assert.ok(!numbers.includes(owner.number));
    assert.deepEqual(await confirm(fresh), unclear);
    if (!isNamed) await signInAs(owner, fresh.number);
    const answer = isNamed
      ? await confirm(fresh, fresh.number, owner.number)
      : await confirm(owner, fresh.number);
    assertMoved(answer, owner);
  }
});

test('while the list may miss the owner, one remaining stranger is not treated as the only proposal', async () => {
  const [owner, fresh, elsewhere] = [await settled(), await harness.phone(), await harness.phone()];
  const all = await strangers(maxListed, fresh);
  await wish(owner, fresh);
  const [left, ...others] = all;
  for (const { number } of others)
    await harness.database.set(`migration:{${number}}:to`, elsewhere.number, 'EX', 1000);
  assert.ok(left && (await listed(fresh)).includes(left.number));
  assert.deepEqual(await confirm(fresh), unclear);
  await assertStayed(owner);
});

test('a list full of expired proposals has room for the owner, whose proposal is then the only one', async () => {
  const [owner, fresh, elsewhere] = [await settled(), await harness.phone(), await harness.phone()];
  for (const { number } of await strangers(maxListed, fresh))
    await harness.database.set(`migration:{${number}}:to`, elsewhere.number, 'EX', 1000);
  await wish(owner, fresh);
  assert.deepEqual(await listed(fresh), [owner.number]);
  assertMoved(await confirm(fresh), owner);
});

test('a stranger who asks while the owner is moving is refused, and nothing of the move changes', async () => {
  const [owner, stranger, fresh] = [await settled(), await settled(), await harness.phone()];
  await wish(owner, fresh);
  await harness.database.hset(`migration:{${fresh.number}}`, 'claim', 'of-another-worker');
  const asked = await stranger.ask(profile({ phone: fresh.number, status: 'migrate' }));
  assert.deepEqual(asked, refusal('already_exists'));
  assert.deepEqual(await confirm(fresh, fresh.number, stranger.number), refusal('busy'));
  assertMoved(await confirm(fresh, fresh.number, owner.number), owner);
  await harness.idle();
  assert.equal(await harness.database.exists(`migration:{${fresh.number}}`), 0);
});

test('a stranger who asks after the move gets nothing by a repeat of the owner’s request, new or redelivered', async (t) => {
  const [owner, stranger, fresh] = [await settled(), await settled(), await harness.phone()];
  await wish(owner, fresh);
  await signInAs(owner, fresh.number);
  const options = { properties: { correlationData: Buffer.from('move') } };
  const request = profile({ phone: fresh.number, status: 'phone' });
  assertMoved(await owner.ask(request, options), owner);
  await harness.idle();
  await wish(stranger, fresh);
  assertMoved(await owner.ask(request, options), owner);
  assert.deepEqual(await owner.ask(request), unclear);

  const { stores, close } = await openStoresOf(harness);
  t.after(close);
  const again = requestOf(fresh, request, { stored: await stores.profiles.read(fresh.number) });
  const outcome = await carryOut(again, stores, { word: 'ok' });
  assert.equal(outcome.result, 'ok');
  await harness.idle();
  await assertStayed(stranger);
});

test('two numbers are confirmed at once, each by its name: one moves, the other stays', async () => {
  for (let round = 0; round < 5; round++) {
    const [one, two, fresh] = [await settled(), await settled(), await harness.phone()];
    const tablet = await harness.phone({ number: fresh.number });
    await wish(one, fresh);
    await wish(two, fresh);
    const answers = await Promise.all([
      confirm(fresh, fresh.number, one.number),
      confirm(tablet, fresh.number, two.number),
    ]);
    await harness.idle();
    await fresh.fence();
    fresh.answers.splice(0);
    // The end of a move also removes all other proposals to that number.
    const hasMoved = answers.map((answer) => ![unclear, refusal('busy')].some((one) => equal(one, answer)));
    assert.deepEqual([...hasMoved].sort(), [false, true]);
    const [moved, stayed] = hasMoved[0] ? [one, two] : [two, one];
    assert.deepEqual((await read(fresh)).presence, atom(`of_${moved.number}`));
    await assertStayed(stayed);
  }
});

test('a migration of the previous version, which stores only the last one, still counts', async () => {
  const [owner, fresh] = [await settled(), await harness.phone()];
  await harness.database.set(`migration:{${owner.number}}:to`, fresh.number, 'EX', 1000);
  await harness.database.hset(`migration:{${fresh.number}}`, 'from', owner.number);
  assertMoved(await confirm(fresh), owner);
});
