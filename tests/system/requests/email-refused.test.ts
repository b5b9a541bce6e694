/** `email` that is refused: by the shape of what the client sent. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, type Term } from '../../../src/etf/index.ts';
import { asked, confirm, startMailHarness, success, tries } from '../../harness/services-fixture.ts';
import { profile, record, refusal, service, type Value } from '../../harness/terms.ts';

const own = await startMailHarness();
after(() => own.stop());

const wrong = refusal('wrong_code');
const verified = success('verified');

const codes: Record<string, (code: string) => Value> = {
  'no code': () => [],
  'an empty code': () => '',
  'a code of five digits': (code) => code.slice(1),
  'a code of seven digits': (code) => `${code}0`,
  'a code of a hundred thousand digits': (code) => code.repeat(16_667),
  'a code with a line feed': (code) => `${code}\n`,
  'a code with a space': (code) => ` ${code}`,
  'a code in other digits': (code) =>
    code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  'a code as an atom': (code) => atom(code),
  'a code below zero': (code) => -Number(code) - 1,
  'a code beyond a million': (code) => 1_000_000 + Number(code),
  'a code of a thousand bits': (code) => (1n << 1000n) + BigInt(code),
  'a code as a list of binaries': (code) => [Buffer.from(code)],
  'a code as a list that is no text': (code) => [...Buffer.from(code), -1],
  'a code that is not UTF-8': () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
};

for (const [name, data] of Object.entries(codes)) {
  test(`${name}: wrong_code, and it does not count as a try`, async () => {
    const { phone, address, code } = await asked(own);
    assert.deepEqual(await phone.ask(confirm(phone, address, data(code))), wrong);
    assert.equal(await tries(own, phone), '0');
    assert.deepEqual(await phone.ask(confirm(phone, address, code)), verified);
  });
}

const nil = (count: number) => Array<[]>(count).fill([]);

const shapes: Record<string, [services: Value, answer: Term]> = {
  'no services': [[], wrong],
  'a service of another type': [[service({ id: 'a@example.org', type: atom('vox'), data: '123456' })], wrong],
  'an address that is none': [[service({ id: 'nobody', type: atom('email'), data: '123456' })], wrong],
  'no address': [[service({ type: atom('email'), data: '123456' })], wrong],
  'services that are a binary': ['a@example.org', refusal('invalid_data')],
  'a service of 7 elements': [[record('Service', 'a@example.org', ...nil(5))], refusal('invalid_data')],
};

for (const [name, [services, answer]] of Object.entries(shapes)) {
  test(`${name}: refused`, async () => {
    const phone = await own.harness.phone();
    for (const presence of [undefined, atom('online')]) {
      if (presence) await phone.ask(profile({ phone: phone.number, presence, status: 'set' }));
      assert.deepEqual(await phone.ask(profile({ phone: phone.number, services, status: 'email' })), answer);
    }
    assert.equal(await own.harness.database.exists(`verify:{${phone.number}}`), 0);
  });
}

test('a phone without a profile gets wrong_code, and no profile', async () => {
  const phone = await own.harness.phone();
  assert.deepEqual(await phone.ask(confirm(phone, 'nobody@example.org', '123456')), wrong);
  assert.equal(await own.harness.database.exists(`profile:{${phone.number}}`), 0);
});
