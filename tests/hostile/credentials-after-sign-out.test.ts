/**
 * A client that is signed out, or whose session moved, gets no credentials, also while STS or a broker is slow; none
 * are stored in clear.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import type { Server } from '../../dev/servers/process.ts';
import { atom, decode, print, type Term } from '../../src/etf/index.ts';
import { PUBLISH } from '../harness/framing.ts';
import { eventually } from '../harness/harness.ts';
import { Phone } from '../harness/phone.ts';
import {
  assertTellsNothing,
  aws,
  credentialsIn,
  everythingIn,
  holds,
  later,
  type StsHarness,
  secretsOf,
  startStsHarness,
} from '../harness/services-fixture.ts';
import { fieldsOf, profile, refusal } from '../harness/terms.ts';

const notAuthorized = refusal('not_authorized');
const settings = { AWS_FAST_REPLY_MS: '50', AWS_DEADLINE_MS: '20000' };

/** Long enough to sign a client out meanwhile. */
const slowMs = 1_500;

const callsFor = (own: StsHarness, { number }: Phone) =>
  own.sts.requests().filter(({ sessionName }) => sessionName === number);

const take = async (phone: Phone): Promise<Term> => decode((await phone.take()).payload);

/** Sends a request, and receives the announcement of later credentials. */
async function askSlowly(phone: Phone): Promise<void> {
  await phone.send(aws(phone), { qos: 1 });
  assert.deepEqual(await take(phone), later);
}

/** Checks that no value in Redis contains STS credentials. */
async function assertKeptNowhere(own: StsHarness): Promise<void> {
  const secrets = secretsOf(own.sts);
  assert.ok(secrets.length > 1);
  for (const [key, value] of await everythingIn(own.harness.database))
    for (const secret of secrets) {
      assert.ok(!holds(value, secret), `${key} holds a secret`);
      assert.ok(
        !value.includes(Buffer.from(secret).toString('base64').slice(0, -4)),
        `${key} holds a secret`,
      );
    }
}

describe('while STS answers', () => {
  let own: StsHarness;
  before(async () => {
    own = await startStsHarness({ workers: 2, settings });
  });
  after(() => own.stop());
  beforeEach(() => own.sts.mode('slow', slowMs));
  afterEach(() => assertTellsNothing(own.harness, secretsOf(own.sts)));

  const signOut = ({ client }: Phone) => own.harness.database.del(`session:${client}`);
  const move = ({ client, number }: Phone) => own.harness.signIn(client, `77${number}`);

  for (const [name, leave] of [
    ['signed out', signOut],
    ['moved to another phone', move],
  ] as const)
    for (const [who, gone] of [
      ['the asker', [0]],
      ['one who waits', [1]],
      ['all but one who waits', [0, 1]],
    ] as const)
      test(`${who} is ${name}: it gets not_authorized, the others get credentials`, async () => {
        const first = await own.harness.phone();
        const others = [1, 2].map(() => own.harness.phone({ number: first.number }));
        const phones = [first, ...(await Promise.all(others))];
        for (const phone of phones) await askSlowly(phone);
        for (const place of gone) await leave(phones[place] ?? assert.fail());
        for (const [index, phone] of phones.entries()) {
          const answer = await take(phone);
          if ((gone as readonly number[]).includes(index)) assert.deepEqual(answer, notAuthorized);
          else credentialsIn(answer);
        }
        await own.harness.idle();
        for (const phone of phones) assert.deepEqual(phone.answers, []);
        await assertKeptNowhere(own);
      });

  test('the number is removed and has a new owner: the earlier client receives nothing of it', async () => {
    const phones = [await own.harness.phone()];
    phones.push(await own.harness.phone({ number: phones[0]?.number ?? '' }));
    const [phone] = phones as [Phone];
    fieldsOf(await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' })));
    for (const each of phones) await askSlowly(each);
    await phone.send(profile({ phone: phone.number, status: 'remove' }), { qos: 1 });
    for (const each of phones) assert.match(print(await take(each)), /remove/);
    const next = await own.harness.phone({ number: phone.number });
    await askSlowly(next);
    credentialsIn(await take(next));
    for (const each of phones) assert.deepEqual(await take(each), notAuthorized);
    await own.harness.idle();
    for (const each of [...phones, next]) assert.deepEqual(each.answers, []);
  });

  test('a session that can’t be read is answered internal, and the worker keeps running', async () => {
    const phone = await own.harness.phone();
    await askSlowly(phone);
    await own.harness.database.set(`session:${phone.client}`, 'not a hash');
    assert.deepEqual(await take(phone), refusal('internal'));
    await own.harness.database.del(`session:${phone.client}`);
  });
});

describe('while the broker is away', () => {
  for (const [name, isSignedOut] of [
    ['signed out meanwhile: not_authorized', true],
    ['still signed in: the credentials', false],
  ] as const)
    test(`the connection breaks before STS answers; ${name} when it is back`, async (t) => {
      const own = await startStsHarness({ workers: 0, settings });
      t.after(() => own.stop());
      const relay = await own.harness.relay();
      await own.harness.startWorker({ MQTT_URL: relay.url });
      const phone = await own.harness.phone();
      own.sts.mode('slow', slowMs);
      await askSlowly(phone);
      // The credentials are lost on their way to the broker, and would be sent again on the next connection.
      const lost = relay.lost;
      relay.lose(PUBLISH);
      await eventually('the credentials are lost', () => relay.lost > lost);
      if (isSignedOut) await own.harness.database.del(`session:${phone.client}`);
      relay.lose();
      relay.cut();
      const answer = await take(phone);
      if (isSignedOut) assert.deepEqual(answer, notAuthorized);
      else assert.deepEqual(credentialsIn(answer), callsFor(own, phone)[0]?.issued);
      await own.harness.idle();
      assert.deepEqual(phone.answers, []);
    });
});

describe('two brokers, one of which goes away before STS answers', () => {
  let own: StsHarness;
  let second: Server;
  const phones: Phone[] = [];
  beforeEach(async () => {
    own = await startStsHarness({ workers: 0, settings });
    second = await startMosquitto();
    await own.harness.startWorker({ MQTT_URL: `${own.harness.broker.url},${second.url}` });
    own.sts.mode('slow', slowMs);
  });
  afterEach(async () => {
    await Promise.all(phones.splice(0).map(({ mqtt }) => mqtt.endAsync(true)));
    await Promise.all(own.harness.workers.map((worker) => worker.process.stop()));
    await second.stop();
    await own.stop();
  });

  async function phoneAtSecond(client: string, number: string): Promise<Phone> {
    await own.harness.signIn(client, number);
    const kept = { clean: false, reconnectPeriod: 100, properties: { sessionExpiryInterval: 600 } };
    const phone = await new Phone(client, number).connect(second.url, kept);
    phones.push(phone);
    return phone;
  }

  test('a client there receives nothing elsewhere; no secret is stored; afterwards only signed-in clients get credentials', async () => {
    const asker = await own.harness.phone();
    const waiting = await phoneAtSecond('waits', asker.number);
    const signedOut = await phoneAtSecond('is-signed-out', asker.number);
    const elsewhere = await own.harness.phone({ client: waiting.client, number: asker.number });
    for (const phone of [asker, waiting, signedOut]) await askSlowly(phone);
    await second.kill('SIGTERM');
    credentialsIn(await take(asker));
    await eventually('the turn has ended', async () => {
      const names = await own.harness.database.hlen(`aws:{${asker.number}}:waiting`);
      return names < 2;
    });
    assert.deepEqual(await own.harness.database.keys('outbox:*'), []);
    await assertKeptNowhere(own);
    await own.harness.database.del(`session:${signedOut.client}`);

    await second.restart();
    credentialsIn(await take(waiting));
    assert.deepEqual(await take(signedOut), notAuthorized);
    await own.harness.idle();
    await Promise.all([elsewhere, waiting, signedOut].map((phone) => phone.fence()));
    assert.deepEqual([...elsewhere.answers, ...waiting.answers, ...signedOut.answers], []);
    await assertKeptNowhere(own);
    await assertTellsNothing(own.harness, secretsOf(own.sts));
  });

  for (const [name, key, calls] of [
    ['by one call to STS where its answer is kept sealed', {}, 1],
    ['by a call to STS for each broker where nothing is kept', { CREDENTIALS_KEY: '' }, 2],
  ] as const)
    test(`both are available: each client is answered only at its own broker, ${name}`, async () => {
      const [first] = own.harness.workers.splice(0);
      await first?.process.stop();
      await own.harness.startWorker({ MQTT_URL: `${own.harness.broker.url},${second.url}`, ...key });
      const asker = await own.harness.phone();
      const waiting = [
        await phoneAtSecond('waits-too', asker.number),
        await phoneAtSecond('3rd', asker.number),
      ];
      const elsewhere = await own.harness.phone({ client: 'waits-too', number: asker.number });
      const phones = [asker, ...waiting];
      for (const phone of phones) await askSlowly(phone);
      const given = [];
      for (const phone of phones) given.push(credentialsIn(await take(phone)));
      assert.deepEqual(given[0], callsFor(own, asker)[0]?.issued);
      assert.deepEqual(given.slice(1), [callsFor(own, asker)[calls - 1]?.issued, given[1]]);
      await own.harness.idle();
      await elsewhere.fence();
      assert.deepEqual(
        [elsewhere, ...phones].flatMap(({ answers }) => answers),
        [],
      );
      assert.equal(callsFor(own, asker).length, calls);
      assert.equal(own.sts.concurrentPeak(asker.number), 1);
      await assertKeptNowhere(own);
    });
});
