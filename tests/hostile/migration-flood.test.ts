/** Asking to move to ever new numbers leaves nothing behind, and ends soon. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decode, type Term } from '../../src/etf/index.ts';
import { keep } from '../harness/address-books.ts';
import { type Harness, type Phone, startHarness } from '../harness/harness.ts';
import { age, success } from '../harness/services-fixture.ts';
import { fieldsOf, profile, refusal } from '../harness/terms.ts';

let harness: Harness;
before(async () => {
  harness = await startHarness({ workers: 2 });
});
after(() => harness.stop());

const accepted = success('migration');
const tooMany = refusal('too_many_requests');
const hour = 60 * 60_000;

const migrate = (phone: Phone, to: string): Promise<Term> =>
  phone.ask(profile({ phone: to, status: 'migrate' }));
const numberAt = (index: number): string => String(77_000_000_000_000 + index);
const listed = async (): Promise<string[]> =>
  (await harness.database.keys('migration:{77*}')).filter((key) => !key.endsWith(':to'));

test('a phone is listed at the number that it asked for last, and thirty requests an hour are taken', async () => {
  const phone = await harness.phone();
  await keep(phone, {});
  for (let count = 0; count < 30; count++) {
    assert.deepEqual(await migrate(phone, numberAt(count)), accepted);
    assert.deepEqual(await listed(), [`migration:{${numberAt(count)}}`]);
  }
  assert.deepEqual(await migrate(phone, numberAt(30)), tooMany);
  assert.deepEqual(await listed(), [`migration:{${numberAt(29)}}`]);
  // What is refused counts too: else it could be tried which numbers are taken.
  await age(harness.database, `limit:{${phone.number}}:migrate`, hour);
  const taken = await harness.phone();
  await keep(taken, { 1: ['380670000001_1'] });
  for (let count = 0; count < 30; count++)
    assert.deepEqual(await migrate(phone, taken.number), refusal('already_exists'));
  assert.deepEqual(await migrate(phone, taken.number), tooMany);
  await age(harness.database, `limit:{${phone.number}}:migrate`, hour);
  assert.deepEqual(await migrate(phone, numberAt(31)), accepted);
});

test('other phones that ask for the number stay listed, and a phone that comes back to it is listed again', async () => {
  const [phone, other, fresh, elsewhere] = [
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
  ];
  for (const each of [phone, other]) await keep(each, {});
  for (const each of [phone, other]) assert.deepEqual(await migrate(each, fresh.number), accepted);
  assert.deepEqual(await migrate(phone, elsewhere.number), accepted);
  const fields = async () => Object.keys(await harness.database.hgetall(`migration:{${fresh.number}}`));
  assert.deepEqual(
    (await fields()).filter((field) => /^\d+$/.test(field)),
    [other.number],
  );
  assert.deepEqual(await migrate(phone, fresh.number), accepted);
  assert.deepEqual(await migrate(other, elsewhere.number), accepted);
  fieldsOf(await fresh.ask(profile({ phone: fresh.number, status: 'phone' })));
  await harness.idle();
  assert.equal(await harness.database.hget(`session:${phone.client}`, 'phone'), fresh.number);
});

test('of thirty requests at once, over two workers, the one that counts is listed', async () => {
  const phone = await harness.phone();
  await keep(phone, {});
  const numbers = Array.from({ length: 30 }, (_, index) => numberAt(1000 + (index % 3)));
  await Promise.all(numbers.map((to) => phone.send(profile({ phone: to, status: 'migrate' }), { qos: 1 })));
  for (let count = 0; count < 30; count++) assert.deepEqual(decode((await phone.take()).payload), accepted);
  const wanted = await harness.database.get(`migration:{${phone.number}}:to`);
  assert.equal(await harness.database.hexists(`migration:{${wanted}}`, phone.number), 1);
});
