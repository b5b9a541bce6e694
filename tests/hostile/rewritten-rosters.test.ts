/** A small `set` that has much of a profile written again costs as if it had sent that. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, encode, type Term } from '../../src/etf/index.ts';
import { rostersOf } from '../harness/address-books.ts';
import { type Phone, startHarness } from '../harness/harness.ts';
import { feature, fieldsOf, type ProfileValues, profile, refusal } from '../harness/terms.ts';

const harness = await startHarness({ settings: { CLIENT_RATE: '1000000' } });
after(() => harness.stop());

/** Store these values. @returns how many units of reading it costs. */
async function readingOf(phone: Phone, values: Partial<ProfileValues>): Promise<number> {
  const reading = 'profile_charged_units_total{work="reading"}';
  const before = await harness.metric(reading);
  fieldsOf(await phone.ask(profile({ ...values, phone: phone.number, status: 'set' })));
  return (await harness.metric(reading)) - before;
}

const bookOf = (id: number, contacts: number): Term[] =>
  rostersOf({ [id]: Array.from({ length: contacts }, (_, place) => `${380_670_000_000 + place}_${id}`) });

test('references cost what the stored rosters cost when they are sent, if these are written again', async () => {
  const phone = await harness.phone();
  const books = [...bookOf(1, 800), ...bookOf(2, 800)];
  const sent = await readingOf(phone, { rosters: books });
  assert.ok(sent > 50, `${sent}`);
  const named = await readingOf(phone, { rosters: [1, 2, ...bookOf(3, 1)] });
  assert.ok(Math.abs(named / sent - 1) < 0.1, `${named} units named, ${sent} sent`);
  assert.equal(await readingOf(phone, { rosters: [1, 2, 3] }), 0, 'nothing is written again');
  assert.equal(await readingOf(phone, { presence: atom('online') }), 0);
});

test('a setting costs what the stored settings cost, with which it is merged', async () => {
  const phone = await harness.phone();
  const settings = Array.from({ length: 800 }, (_, place) => feature(`KEY_${place}`, 'x'.repeat(50)));
  const sent = await readingOf(phone, { settings });
  const merged = await readingOf(phone, { settings: [feature('KEY_1', 'y')] });
  assert.ok(sent > 20 && Math.abs(merged / sent - 1) < 0.2, `${merged} units merged, ${sent} sent`);
});

test('references of a person with 20 contacts cost nothing more', async () => {
  const phone = await harness.phone();
  await readingOf(phone, { rosters: bookOf(1, 20) });
  assert.equal(await readingOf(phone, { rosters: [1, ...bookOf(2, 1)] }), 0);
});

test('of many that come at once only the first are done, as if their rosters had been sent', async () => {
  const [burst, count] = [100, 20];
  const limited = await startHarness({ settings: { CLIENT_RATE: '1', CLIENT_BURST: `${burst}` } });
  after(() => limited.stop());
  const [writer, phone] = [await limited.phone(), await limited.phone()];
  // Another client of the same phone has stored it.
  await limited.signIn(writer.client, phone.number);
  fieldsOf(await writer.ask(profile({ phone: phone.number, rosters: bookOf(1, 250), status: 'set' })));
  const requests = Array.from({ length: count }, (_, place) =>
    encode(profile({ phone: phone.number, rosters: [1, ...bookOf(place + 2, 1)], status: 'set' })),
  );
  await Promise.all(requests.map((request) => phone.send(Buffer.from(request), { qos: 1 })));
  const answers = [];
  while (answers.length < count) answers.push(await phone.take());
  const tooMany = Buffer.from(encode(refusal('too_many_requests')));
  const refused = answers.filter(({ payload }) => payload.equals(tooMany)).length;
  assert.ok(refused >= count - 10 && refused < count, `${refused} of ${count} are refused`);
});
