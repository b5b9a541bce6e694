/** `aws`: temporary credentials for a phone, from STS or from the store. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, type TestContext, test } from 'node:test';
import { decode } from '../../../src/etf/index.ts';
import { cipherWith } from '../../../src/store/encryption.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import {
  assertTellsNothing,
  aws,
  credentialsIn,
  credentialsKey,
  everythingIn,
  later,
  secretsOf,
  startStsHarness,
} from '../../harness/services-fixture.ts';
import { profile, refusal } from '../../harness/terms.ts';

const own = await startStsHarness({ workers: 2 });
after(() => own.stop());
afterEach(() => assertTellsNothing(own.harness, secretsOf(own.sts)));

/** The calls to STS for a phone. */
const callsFor = ({ number }: Phone, { sts } = own) =>
  sts.requests().filter(({ sessionName }) => sessionName === number);

const ask = async (phone: Phone) => credentialsIn(await phone.ask(aws(phone)));

test('the credentials that STS issued are answered at once, their expiration in milliseconds', async () => {
  const phone = await own.harness.phone();
  const asked = Date.now();
  const credentials = await ask(phone);
  const answered = Date.now();
  const [call, ...more] = callsFor(phone);
  assert.deepEqual([call?.issued, more], [credentials, []]);
  assert.equal(call?.roleArn, 'arn:aws:iam::123456789012:role/phone');
  // STS uses whole seconds.
  const issuedAt = Number(credentials.expiration) - 3_600_000;
  assert.ok(issuedAt > asked - 1_000 && issuedAt < answered + 1_000, `${issuedAt}`);
});

test('it needs no profile and makes none', async () => {
  const phone = await own.harness.phone();
  await ask(phone);
  await own.harness.idle();
  const keys = await own.harness.database.keys(`*{${phone.number}}*`);
  assert.deepEqual(keys.sort(), [`aws:{${phone.number}}`, `sessions:{${phone.number}}`]);
});

test('credentials that are still valid are answered again, by every worker and to every client, without a call to STS', async () => {
  const phone = await own.harness.phone();
  const other = await own.harness.phone({ number: phone.number });
  const credentials = await ask(phone);
  for (let count = 0; count < 4; count++) {
    assert.deepEqual(await ask(phone), credentials);
    assert.deepEqual(await ask(other), credentials);
  }
  assert.equal(callsFor(phone).length, 1);
  const counts = await Promise.all(own.harness.workers.map((worker) => worker.metric(awsAnswered)));
  assert.ok(
    counts.every((count) => count > 0),
    'both workers were asked',
  );
});

const awsAnswered = 'profile_requests_total{kind="aws",result="aws",lane="sts"}';

test('each phone gets its own', async () => {
  const [phone, other] = [await own.harness.phone(), await own.harness.phone()];
  assert.notDeepEqual((await ask(phone)).keys, (await ask(other)).keys);
  assert.deepEqual([callsFor(phone).length, callsFor(other).length], [1, 1]);
});

test('a client without a session of the phone is refused, and STS is not called', async () => {
  const [phone, other] = [await own.harness.phone(), await own.harness.phone({ session: false })];
  await ask(phone);
  for (const number of [phone.number, other.number]) {
    const request = profile({ phone: number, status: 'aws' });
    assert.deepEqual(await other.ask(request), refusal('not_authorized'));
  }
  assert.deepEqual(callsFor(other), []);
});

test('an answer has the correlation data of its request', async () => {
  const phone = await own.harness.phone();
  for (const name of ['first', 'kept']) {
    const correlationData = Buffer.from(name);
    const { topic, properties } = await phone.exchange(aws(phone), { properties: { correlationData } });
    assert.equal(topic, `actions/1/api/${phone.client}`);
    assert.deepEqual(properties?.correlationData, correlationData);
  }
});

/** Stores credentials for a phone that are valid for this long from now. */
async function keep({ number }: Phone, milliseconds: number) {
  const key = `aws:{${number}}`;
  const kept = {
    keys: { accessKeyId: 'ASIAKEPT', secretAccessKey: 'kept/secret', sessionToken: 'kept/token' },
    expiration: Date.now() + milliseconds,
  };
  const plain = Buffer.from(JSON.stringify({ ...kept.keys, expiration: kept.expiration }));
  const sealed = cipherWith([Buffer.from(credentialsKey, 'base64')]).encrypt(plain, key);
  // The key lives as long as they are given out.
  await own.harness.database.set(key, sealed, 'PX', Math.max(1, milliseconds - 5 * 60_000));
  return kept;
}

test('stored ones with more than 5 minutes left are answered, with less STS is called', async () => {
  const phone = await own.harness.phone();
  const kept = await keep(phone, 5 * 60_000 + 10_000);
  assert.deepEqual(await ask(phone), kept);
  assert.equal(callsFor(phone).length, 0);
  await keep(phone, 5 * 60_000 - 1);
  const renewed = await ask(phone);
  assert.deepEqual(callsFor(phone)[0]?.issued, renewed);
  assert.deepEqual(await ask(phone), renewed);
  assert.equal(callsFor(phone).length, 1);
});

test('Redis forgets them 5 minutes before they expire', async () => {
  const phone = await own.harness.phone();
  const { expiration } = await ask(phone);
  const forgottenAt = Number(await own.harness.database.pexpiretime(`aws:{${phone.number}}`));
  const lead = Number(expiration) - forgottenAt;
  assert.ok(lead <= 5 * 60_000 && lead > 4 * 60_000, `${lead} ms before`);
});

test('Redis holds no readable part of them', async () => {
  const phone = await own.harness.phone();
  await ask(phone);
  await own.harness.idle();
  const all = await everythingIn(own.harness.database);
  assert.ok(all.has(`aws:{${phone.number}}`));
  for (const [key, held] of all) {
    for (const secret of secretsOf(own.sts)) assert.ok(!`${key}${held}`.includes(secret), key);
  }
});

test('a record copied to another phone is not used: that phone gets its own credentials', async () => {
  const [phone, thief] = [await own.harness.phone(), await own.harness.phone()];
  const credentials = await ask(phone);
  const sealed = await own.harness.database.dumpBuffer(`aws:{${phone.number}}`);
  assert.ok(sealed);
  await own.harness.database.restore(`aws:{${thief.number}}`, 600_000, sealed);
  const stolen = await ask(thief);
  assert.notDeepEqual(stolen.keys, credentials.keys);
  assert.deepEqual(callsFor(thief)[0]?.issued, stolen);
  assert.deepEqual(await ask(thief), stolen);
});

test('a damaged record is not used, but replaced', async () => {
  const phone = await own.harness.phone();
  const key = `aws:{${phone.number}}`;
  for (const record of ['', 'x', Buffer.alloc(200, 1)]) {
    await own.harness.database.set(key, record);
    assert.deepEqual((await ask(phone)).keys, callsFor(phone).at(-1)?.issued?.keys);
    await own.harness.idle(); // Until then the phone's lock for STS is held.
  }
  assert.equal(callsFor(phone).length, 3);
});

/** A file that is removed after the test. */
async function file(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'profile-aws-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'text'), text);
  return join(folder, 'text');
}

test('the session policy is the template with the phone in it', async (t) => {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: the placeholder as an operator writes it.
  const resources = ['arn:aws:s3:::files/${phone}/*', 'arn:aws:s3:::files/${phone}'];
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.
  const statement = { Effect: 'Allow', Action: 's3:*', Resource: resources };
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  const settings = { AWS_SESSION_POLICY_FILE: await file(t, policy), AWS_SESSION_DURATION: '900' };
  const narrow = await startStsHarness({ settings });
  t.after(() => narrow.stop());
  const phone = await narrow.harness.phone();
  await phone.ask(aws(phone));
  const [call] = narrow.sts.requests();
  assert.equal(call?.durationSeconds, 900);
  const { Statement } = JSON.parse(call.policy ?? '');
  const { number } = phone;
  assert.deepEqual(Statement[0].Resource, [`arn:aws:s3:::files/${number}/*`, `arn:aws:s3:::files/${number}`]);
});

test('without a key nothing is stored: STS is called each time', async (t) => {
  const keyless = await startStsHarness({ settings: { CREDENTIALS_KEY: '' } });
  t.after(() => keyless.stop());
  const phone = await keyless.harness.phone();
  const answers = [await ask(phone), await ask(phone)];
  assert.deepEqual(
    callsFor(phone, keyless).map(({ issued }) => issued),
    answers,
  );
  assert.notDeepEqual(answers[0], answers[1]);
  await keyless.harness.idle();
  assert.deepEqual(await keyless.harness.database.keys('aws:*'), []);
});

test('after a change of keys, [new, old] decrypts records of the old key, and the old key alone decrypts no new ones', async (t) => {
  const other = await startStsHarness({ workers: 0 });
  t.after(() => other.stop());
  const newKey = Buffer.alloc(32, 'new').toString('base64');
  const [phone, later] = [await other.harness.phone(), await other.harness.phone()];
  const first = await other.harness.startWorker();
  const credentials = await ask(phone);
  await first.process.stop();
  const second = await other.harness.startWorker({ CREDENTIALS_KEY: `${newKey},${credentialsKey}` });
  assert.deepEqual(await ask(phone), credentials);
  const newer = await ask(later);
  await second.process.stop();
  const third = await other.harness.startWorker({ CREDENTIALS_KEY: newKey });
  assert.deepEqual(await ask(later), newer);
  assert.notDeepEqual(await ask(phone), credentials);
  assert.deepEqual([callsFor(phone, other).length, callsFor(later, other).length], [2, 1]);
  await third.process.stop();
});

test('without a role in the settings: the error aws, and one log line at the start', async (t) => {
  const harness = await startHarness();
  t.after(() => harness.stop());
  const phone = await harness.phone();
  for (let count = 0; count < 2; count++) assert.deepEqual(await phone.ask(aws(phone)), refusal('aws'));
  const said = harness.worker.log().filter(({ msg }) => String(msg).includes('AWS_ROLE_ARN is not set'));
  assert.equal(said.length, 1);
  assert.deepEqual(await harness.database.keys('aws:*'), []);
});

test('a slow STS: later credentials are announced once, then sent', async (t) => {
  const slow = await startStsHarness({ settings: { AWS_FAST_REPLY_MS: '50' } });
  t.after(() => slow.stop());
  slow.sts.mode('slow', 400);
  const phone = await slow.harness.phone();
  const correlationData = Buffer.from('slow');
  await phone.send(aws(phone), { properties: { correlationData } });
  const [announced, given] = [await phone.take(), await phone.take()];
  assert.deepEqual(decode(announced.payload), later);
  assert.deepEqual(credentialsIn(decode(given.payload)), slow.sts.requests()[0]?.issued);
  for (const { properties } of [announced, given]) {
    assert.deepEqual(properties?.correlationData, correlationData);
  }
  assert.deepEqual(await ask(phone), slow.sts.requests()[0]?.issued);
  assert.equal(slow.sts.requests().length, 1);
  await assertTellsNothing(slow.harness, secretsOf(slow.sts));
});
