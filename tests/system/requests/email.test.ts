/** `email`: confirms an address with the code that was mailed to it. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { atom, decode, type Term } from '../../../src/etf/index.ts';
import { read } from '../../harness/address-books.ts';
import { eventually } from '../../harness/harness.ts';
import {
  asked,
  assertMailsAreSecret,
  assertTellsNothing,
  codeIn,
  confirm,
  emailService,
  everythingIn,
  holds,
  link,
  otherCode,
  startMailHarness,
  success,
  tries,
} from '../../harness/services-fixture.ts';
import { feature, profile, refusal, service } from '../../harness/terms.ts';

const own = await startMailHarness({ workers: 2 });
after(() => own.stop());

/** Guessed codes; no log contains them either. */
const guesses = new Set<string>();

afterEach(async () => {
  await assertMailsAreSecret(own);
  await assertTellsNothing(own.harness, guesses);
});

const wrong = refusal('wrong_code');
const verified = success('verified');

test('the right code: the address becomes a verified service, and all else stays', async () => {
  const { phone, address, code } = await asked(own);
  const vox = service({ id: 'vox-1', type: atom('vox') });
  const settings = [feature('A', 'b')];
  await phone.ask(profile({ phone: phone.number, services: [vox], settings, status: 'set' }));
  const before = await read(phone);
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), verified);
  const services = [emailService(address, 'verified'), vox];
  assert.deepEqual(await read(phone), { ...before, services });
});

const digits = (code: string) => [...Buffer.from(code)];

const forms: Record<string, (address: string, code: string) => Term[]> = {
  'as a binary': (id, data) => [service({ id, type: atom('email'), data })],
  'as a list of characters': (id, code) => [service({ id, type: atom('email'), data: digits(code) })],
  'as an integer': (id, code) => [service({ id, type: atom('email'), data: Number(code) })],
  'in password': (id, password) => [service({ id, type: atom('email'), password })],
  'in password as a list of characters': (id, code) => [
    service({ id, type: atom('email'), data: atom('undefined'), password: digits(code) }),
  ],
  'in password as an integer': (id, code) => [service({ id, type: atom('email'), password: Number(code) })],
  'in a service without a type': (id, data) => [service({ id, data })],
  'for an address as a list of characters': (id, data) => [
    service({ id: [...Buffer.from(id)], type: atom('email'), data }),
  ],
  'for an address written with spaces and capitals in the domain': (id, data) => [
    service({ id: ` ${id.replace('example', 'EXAMPLE')}`, type: atom('email'), data }),
  ],
  'behind a service of another type': (id, data) => [
    service({ id, type: atom('vox'), data: '000000' }),
    service({ id, type: atom('email'), data }),
  ],
};

for (const [name, services] of Object.entries(forms)) {
  test(`the right code ${name} is accepted`, async () => {
    const { phone, address, code } = await asked(own);
    const request = profile({ phone: phone.number, services: services(address, code), status: 'email' });
    assert.deepEqual(await phone.ask(request), verified);
    assert.deepEqual((await read(phone)).services, [emailService(address, 'verified')]);
  });
}

test('a code with leading zeros is accepted as an integer, which has none', async () => {
  const { phone, address, code } = await asked(own);
  // Requested until there is one; a tenth of all codes start with zero.
  let short = code;
  for (let count = 0; !short.startsWith('0'); count++) {
    assert.ok(count < 300);
    await own.harness.database.del(...(await own.harness.database.keys('limit:*')));
    assert.deepEqual(await phone.ask(link(phone, address)), success('email_sent'));
    short = codeIn(own.sink.mails().findLast(({ to }) => to[0] === address) ?? assert.fail());
  }
  assert.deepEqual(await phone.ask(confirm(phone, address, Number(short))), verified);
});

test('a used code, one never requested, one for another address or of another phone: wrong_code alike', async () => {
  const { phone, address, code } = await asked(own);
  const other = await asked(own);
  assert.deepEqual(await phone.ask(confirm(phone, 'never@example.org', code)), wrong);
  assert.deepEqual(await phone.ask(confirm(phone, other.address, other.code)), wrong);
  assert.deepEqual(await other.phone.ask(confirm(other.phone, address, code)), wrong);
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), verified);
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), wrong);
  assert.deepEqual(await other.phone.ask(confirm(other.phone, other.address, other.code)), verified);
});

test('a code is valid for exactly 10 minutes', async () => {
  const { phone, address, code } = await asked(own);
  const key = `verify:{${phone.number}}`;
  const { database } = own.harness;
  const [field = ''] = (await database.hkeys(key)).filter((name) => name.endsWith(':expires'));
  const left = Number(await database.hget(key, field)) - Date.now();
  assert.ok(left > 590_000 && left <= 600_000, `${left} ms`);
  const kept = await database.pttl(key);
  assert.ok(kept > 590_000 && kept <= 600_000, `${kept} ms`);
  await database.hincrby(key, field, -left - 1);
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), wrong);
  assert.deepEqual((await read(phone)).services, [emailService(address, 'added')]);
});

test('a newer code replaces the older one, and has 5 tries again', async () => {
  const { phone, address, code } = await asked(own);
  for (let count = 1; count <= 5; count++) await phone.ask(confirm(phone, address, otherCode(code, count)));
  let newer = code;
  while (newer === code) {
    await own.harness.database.del(`limit:{${phone.number}}:link`);
    assert.deepEqual(await phone.ask(link(phone, address)), success('email_sent'));
    newer = codeIn(own.sink.mails().findLast(({ to }) => to[0] === address) ?? assert.fail());
  }
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), wrong);
  assert.deepEqual(await phone.ask(confirm(phone, address, newer)), verified);
});

test('four wrong tries leave the code valid, five invalidate it', async () => {
  const [lucky, burnt] = [await asked(own), await asked(own)];
  for (const { phone, address, code } of [lucky, burnt]) {
    for (let count = 1; count <= 4; count++) {
      assert.deepEqual(await phone.ask(confirm(phone, address, otherCode(code, count))), wrong);
    }
    assert.equal(await tries(own, phone), '4');
  }
  assert.deepEqual(await lucky.phone.ask(confirm(lucky.phone, lucky.address, lucky.code)), verified);
  assert.deepEqual(
    await burnt.phone.ask(confirm(burnt.phone, burnt.address, otherCode(burnt.code, 5))),
    wrong,
  );
  assert.deepEqual(await burnt.phone.ask(confirm(burnt.phone, burnt.address, burnt.code)), wrong);
});

test('60 wrong guesses in flight at once, over two workers and two devices, get 5 tries; the right one is refused then', async () => {
  const { phone, address, code } = await asked(own);
  const other = await own.harness.phone({ number: phone.number });
  await Promise.all(
    Array.from({ length: 60 }, (_, index) => {
      const guess = otherCode(code, index + 1);
      guesses.add(guess);
      return (index % 2 ? phone : other).send(confirm(phone, address, guess), { qos: 1 });
    }),
  );
  for (let count = 0; count < 60; count++) {
    assert.deepEqual(decode((await (count % 2 ? phone : other).take()).payload), wrong);
  }
  assert.equal(await tries(own, phone), '5');
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), wrong);
  assert.deepEqual((await read(phone)).services, [emailService(address, 'added')]);
});

test('the right code sent 20 times at once verifies once', async () => {
  const { phone, address, code } = await asked(own);
  await Promise.all(Array.from({ length: 20 }, () => phone.send(confirm(phone, address, code), { qos: 1 })));
  const answers: Term[] = [];
  while (answers.length < 20) answers.push(decode((await phone.take()).payload));
  assert.equal(answers.filter((answer) => JSON.stringify(answer) === JSON.stringify(verified)).length, 1);
});

test('verified while other requests change the profile: nothing of either is lost', async () => {
  const { phone, address, code } = await asked(own);
  const sets = Array.from({ length: 20 }, (_, index) =>
    phone.send(profile({ phone: phone.number, settings: [feature(`K${index}`, 'v')], status: 'set' })),
  );
  await Promise.all([...sets, phone.send(confirm(phone, address, code))]);
  await eventually('all are answered', () => phone.answers.length === 21);
  phone.answers.splice(0);
  const { services, settings } = await read(phone);
  assert.deepEqual(services, [emailService(address, 'verified')]);
  assert.equal((settings as Term[]).length, 20);
});

test('neither the tried nor the verified code remains in Redis', async () => {
  const { phone, address, code } = await asked(own);
  const guess = otherCode(code);
  await phone.ask(confirm(phone, address, guess));
  await phone.ask(confirm(phone, address, code));
  assert.equal(await own.harness.database.exists(`verify:{${phone.number}}`), 0);
  for (const [key, held] of await everythingIn(own.harness.database)) {
    for (const secret of [code, guess]) assert.ok(!holds(`${key}\n${held}`, secret), key);
  }
});

test('a fault in Redis during a try: the client gets internal, and the log no code', async () => {
  const { phone, address, code } = await asked(own);
  await own.harness.database.set(`verify:{${phone.number}}`, 'not a hash');
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), refusal('internal'));
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), refusal('internal'));
  const lines = () => own.harness.workers.flatMap((worker) => worker.log());
  // A log line has another way than the answer, and may be a little later.
  await eventually('both are logged', () => lines().filter(({ level }) => level === 'error').length === 2);
  assert.ok(!holds(JSON.stringify(lines()), code));
});
