/** A request without a phone means the phone of its client's session: clients in the field begin with such a `get`. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, type Term, Tuple } from '../../../src/etf/index.ts';
import { requestKinds } from '../../../src/handlers/index.ts';
import { kindsThatNamePhone } from '../../../src/protocol/profile.ts';
import { friends } from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import {
  codeIn,
  confirm,
  emailService,
  link,
  startMailHarness,
  success,
} from '../../harness/services-fixture.ts';
import { fieldsOf, profile, refusal, shortProfile, text } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const unset: Readonly<Record<string, Term>> = { '[]': [], undefined: atom('undefined') };

for (const [name, phone] of Object.entries(unset)) {
  test(`get with ${name}: the profile of the session's phone, with that phone`, async () => {
    const client = await harness.phone();
    assert.deepEqual(await client.ask(profile({ phone, status: 'get' })), refusal('not_found'));
    const set = fieldsOf(await client.ask(profile({ phone: client.number, status: 'set' })));
    const got = fieldsOf(await client.ask(profile({ phone, status: 'get' })));
    assert.deepEqual(got, { ...set, phone: text(client.number), status: atom('get') });
    assert.equal(fieldsOf(await client.ask(shortProfile({ phone, status: 'get' }))).presence, undefined);
  });

  test(`set and update with ${name} change the session's profile`, async () => {
    const client = await harness.phone();
    const set = fieldsOf(await client.ask(profile({ phone, presence: atom('on'), status: 'set' })));
    assert.deepEqual([set.phone, set.presence], [text(client.number), atom('on')]);
    const update = Date.now() + 60_000;
    const updated = fieldsOf(await client.ask(profile({ phone, update, status: 'update' })));
    assert.deepEqual([updated.phone, updated.update], [text(client.number), update]);
    const got = fieldsOf(await client.ask(profile({ phone: client.number, status: 'get' })));
    assert.deepEqual([got.presence, got.update], [atom('on'), update]);
  });
}

test('aws without a phone is answered for the session’s', async () => {
  const client = await harness.phone();
  assert.deepEqual(await client.ask(profile({ status: 'aws' })), refusal('aws'));
});

test('the friends of the session’s phone hear of an update', async () => {
  const [one, two] = await friends(harness);
  fieldsOf(await one.ask(profile({ update: Date.now() + 60_000, status: 'update' })));
  await harness.idle();
  assert.equal((await two.newNotices()).length, 1);
});

for (const status of kindsThatNamePhone) {
  test(`${status} without a phone is invalid_data, and nothing changes`, async () => {
    const client = await harness.phone();
    const set = fieldsOf(await client.ask(profile({ phone: client.number, status: 'set' })));
    for (const phone of Object.values(unset))
      assert.deepEqual(await client.ask(profile({ phone, status })), refusal('invalid_data'));
    const got = fieldsOf(await client.ask(profile({ phone: client.number, status: 'get' })));
    assert.deepEqual(got, { ...set, status: atom('get') });
  });
}

for (const [name, phone] of Object.entries({
  'an empty binary': '',
  'an atom': atom('nil'),
  0: 0,
  '+': '+',
})) {
  test(`${name} is a bad phone, and no phone that is not set`, async () => {
    const client = await harness.phone();
    for (const status of ['get', 'set', 'remove'])
      assert.deepEqual(await client.ask(profile({ phone, status })), refusal('invalid_data'));
  });
}

for (const status of requestKinds.filter((kind) => !kindsThatNamePhone.has(kind))) {
  test(`${status} without a phone and without a session is not_authorized`, async () => {
    const client = await harness.phone({ session: false });
    assert.deepEqual(await client.ask(profile({ status })), refusal('not_authorized'));
  });
}

test('two clients with the same payload each get their own profile', async () => {
  const [one, two] = [await harness.phone(), await harness.phone()];
  for (const client of [one, two]) fieldsOf(await client.ask(profile({ status: 'set' })));
  const answers = await Promise.all([one, two].map((client) => client.ask(profile({ status: 'get' }))));
  assert.deepEqual(
    answers.map((answer) => fieldsOf(answer).phone),
    [text(one.number), text(two.number)],
  );
});

test('a client that signs in as another phone asks for that one from then on', async () => {
  const client = await harness.phone();
  fieldsOf(await client.ask(profile({ status: 'set' })));
  const other = await harness.phone();
  fieldsOf(await other.ask(profile({ presence: atom('other'), status: 'set' })));
  await harness.signIn(client.client, other.number);
  const got = fieldsOf(await client.ask(profile({ status: 'get' })));
  assert.deepEqual([got.phone, got.presence], [text(other.number), atom('other')]);
});

test('a repeat with the same Correlation Data is answered from its record', async () => {
  const client = await harness.phone();
  const request = profile({ presence: atom('on'), status: 'set' });
  const properties = { correlationData: Buffer.from('the same') };
  const first = fieldsOf(await client.ask(request, { properties }));
  assert.deepEqual(fieldsOf(await client.ask(request, { properties })), first);
});

test('where a token authenticates, the session that it proves says which phone', async (t) => {
  const own = await startHarness({ settings: { CLIENT_IDENTITY: 'token' } });
  t.after(() => own.stop());
  const client = await own.phone({ token: 'secret' });
  const topic = (token: string) => `events/1//api/anon/${client.client}/${token}`;
  const set = await client.ask(profile({ status: 'set' }), { topic: topic('secret') });
  assert.deepEqual(fieldsOf(set).phone, text(client.number));
  const wrong = await client.ask(profile({ status: 'get' }), { topic: topic('wrong') });
  assert.deepEqual(wrong, refusal('not_authorized'));
});

test('link and email without a phone are of the session’s', async (t) => {
  const own = await startMailHarness();
  t.after(() => own.stop());
  const client = await own.harness.phone();
  const nobody = { number: '' } as Phone;
  const id = 'olena@example.org';
  assert.deepEqual(await client.ask(unnamed(link(nobody, id))), success('email_sent'));
  const [mail] = own.sink.mails();
  assert.ok(mail);
  assert.deepEqual(await client.ask(unnamed(confirm(nobody, id, codeIn(mail)))), success('verified'));
  const got = fieldsOf(await client.ask(profile({ phone: client.number, status: 'get' })));
  assert.deepEqual(got.services, [emailService(id, 'verified')]);
});

/** The request with `[]` for its phone. */
const unnamed = ({ elements }: Tuple) => new Tuple(elements.with(1, []));
