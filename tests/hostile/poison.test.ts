/** Requests that end the worker or its connection each time. Others are answered throughout. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { decode, encode, print } from '../../src/etf/index.ts';
import { openPoison } from '../../src/store/poison.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually, type Harness, type Phone, type WorkerUnderTest } from '../harness/harness.ts';
import {
  brokerLost,
  get,
  harnessOf,
  internal,
  marker,
  poisoned,
  refusedAnswers,
  relayTo,
  set,
} from '../harness/poison-harness.ts';
import { profilectl } from '../harness/profilectl.ts';
import type { Relay } from '../harness/relay.ts';
import { feature, fieldsOf, profile } from '../harness/terms.ts';

/**
 * Two workers, each with its own relay before the broker. A worker that publishes the marker is killed and restarted.
 */
async function mortalWorkers(t: TestContext, settings: Record<string, string> = {}) {
  const harness = await harnessOf(t, { workers: 0, settings: { VERIFY_SECRET: secret, ...settings } });
  let deaths = 0;
  const restarts: Promise<void>[] = [];
  harness.onStop(() => Promise.all(restarts));
  const mortal = async (name: string): Promise<void> => {
    let worker: WorkerUnderTest | undefined;
    let isDying = false;
    let restarted = Promise.resolve();
    const relay = await relayTo(harness, (packet) => {
      if (!packet.includes(marker)) return true;
      if (worker && !isDying) {
        isDying = true;
        deaths++;
        const { process } = worker;
        const [death, killed, before] = [deaths, process.kill('SIGKILL'), restarted];
        const restart = async (): Promise<void> => {
          await Promise.all([killed, before]);
          relay.cut();
          isDying = false;
          // It may be killed again before it is ready: the broker sends what it holds before the subscription is confirmed.
          await process.restart().catch((error: unknown) => {
            if (deaths === death) throw error;
          });
        };
        restarted = restart();
        restarts.push(restarted);
      }
      return false;
    });
    worker = await harness.startWorker({ MQTT_URL: relay.url, MQTT_CLIENT_ID: name });
  };
  await mortal('worker-1');
  await mortal('worker-2');
  return { harness, deaths: () => deaths, restarted: () => Promise.all(restarts) };
}

const secret = 'a secret of at least thirty-two characters';

const harmless = 'x'.repeat(marker.length);

/** Makes a phone's answers contain the marker, which none contained before. */
async function plant(harness: Harness, phone: Phone): Promise<void> {
  await set(phone, harmless);
  await exchangeSettings(harness, phone, [harmless, marker]);
}

/** Writes other words into what is stored; no worker does. */
async function exchangeSettings(harness: Harness, { number }: Phone, words: [string, string]) {
  const key = `profile:{${number}}`;
  const settings = (await harness.database.hgetBuffer(key, 'settings'))?.toString('latin1') ?? '';
  await harness.database.hset(key, 'settings', Buffer.from(settings.replace(...words), 'latin1'));
}

test('a request that kills its worker each time is dropped after three tries, and listed; other requests are answered', async (t) => {
  const { harness, deaths, restarted } = await mortalWorkers(t);
  const [attacker, ...others] = await Promise.all(Array.from({ length: 20 }, () => harness.phone()));
  assert.ok(attacker);
  await Promise.all(others.map((phone) => set(phone)));
  await plant(harness, attacker);
  const asked = { properties: { correlationData: Buffer.from('given up') } };
  // Sends all at once, so that innocent requests are in flight when the worker is killed.
  const [answer] = await Promise.all([
    attacker.exchange(get(attacker), asked),
    ...others.map(async (phone) => fieldsOf(await phone.ask(get(phone)))),
  ]);
  assert.ok(answer.payload.equals(internal));
  assert.equal(deaths(), 3);
  await restarted();
  await harness.idle();
  assert.equal(await harness.metric(poisoned), 1);
  for (const phone of others) {
    phone.answers.splice(0); // An answer may have arrived twice.
    fieldsOf(await phone.ask(get(phone)));
  }

  const call = (...line: string[]) =>
    profilectl(
      { MQTT_URL: harness.broker.url, REDIS_URL: harness.redis.url, VERIFY_SECRET: secret },
      'poisoned',
      ...line,
    );
  const { stdout } = await call('list', '--json');
  const [{ id, at, ...request }, ...more] = JSON.parse(stdout);
  assert.deepEqual(more, []);
  const phone = `${attacker.number.slice(0, 3)}…${attacker.number.slice(-3)}`;
  const { length: bytes } = encode(get(attacker));
  assert.deepEqual(request, { client: attacker.client, kind: 'get', phone, bytes });
  assert.ok(Date.parse(at) <= Date.now());
  assert.match((await call('list')).stdout, new RegExp(`${id}.* get .* ${bytes} +${attacker.client}\n$`));
  assert.equal((await call('show', id)).stdout, `${print(get(attacker))}\n`);

  // The bug is mended: the client's repeat is done, and so is what the operator sends.
  await exchangeSettings(harness, attacker, [marker, harmless]);
  fieldsOf(decode((await attacker.exchange(get(attacker), asked)).payload));
  const file = join(await mkdtemp(join(tmpdir(), 'profile-poison-')), 'request.hex');
  t.after(() => rm(dirname(file), { recursive: true }));
  await writeFile(file, (await call('show', '--secrets', '--to', 'hex', id)).stdout);
  const sending = ['send', 'file', '--client', attacker.client, '--file', file];
  const sent = await profilectl({ MQTT_URL: harness.broker.url }, ...sending);
  assert.deepEqual([sent.exitCode, sent.stderr], [0, '']);
  assert.match(sent.stdout, new RegExp(harmless));

  assert.equal((await call('drop', id)).exitCode, 0);
  assert.deepEqual(JSON.parse((await call('list', '--json')).stdout), []);
  assert.match((await call('show', id)).stderr, /there is no poisoned request/);
});

test('a request with an idempotency record is answered from it, also after three crashes', async (t) => {
  const { harness, deaths } = await mortalWorkers(t);
  const phone = await harness.phone();
  // Its answer kills the worker until the test stops that: the effect has happened by then.
  const answer = phone.exchange(
    profile({ phone: phone.number, settings: [feature('WORDS', marker)], status: 'set' }),
  );
  await eventually('three deaths', () => deaths() === 3);
  await exchangeSettings(harness, phone, [marker, harmless]);
  fieldsOf(decode((await answer).payload));
  await harness.idle();
  assert.equal(await harness.metric(poisoned), 0);
});

test('with unconfirmed answers, a request whose answer ends the connection is not redelivered for ever', async (t) => {
  const harness = await harnessOf(t, { workers: 0, settings: { REPLY_QOS: '0' } });
  let cuts = 0;
  const relay: Relay = await relayTo(harness, (packet) => {
    if (!packet.includes(marker)) return true;
    cuts++;
    relay.cut();
    return false;
  });
  await harness.startWorker({ MQTT_URL: relay.url });
  const [attacker, other] = [await harness.phone(), await harness.phone()];
  await set(other);
  await plant(harness, attacker);
  await attacker.send(get(attacker));
  await eventually(
    'it was redelivered',
    async () => (await harness.metric('profile_redeliveries_total')) > 0,
  );
  await harness.idle();
  fieldsOf(await other.ask(get(other)));
  assert.equal(cuts, 2);
});

test('cut connections with many requests in flight make none of them poison', async (t) => {
  const harness = await harnessOf(t, { workers: 0 });
  let published = 0;
  const relay: Relay = await relayTo(harness, () => {
    if (++published % 25 === 0) relay.cut();
    return published % 25 !== 0;
  });
  await harness.startWorker({ MQTT_URL: relay.url });
  const phones = await Promise.all(Array.from({ length: 20 }, () => harness.phone()));
  for (const phone of phones) await set(phone);
  await Promise.all(
    phones.map(async (phone) => {
      // An answer may arrive twice.
      for (let count = 0; count < 15; count++) {
        await phone.send(get(phone));
        fieldsOf(decode((await phone.take()).payload));
      }
    }),
  );
  await harness.idle();
  assert.ok((await harness.metric(brokerLost)) >= 5);
  assert.deepEqual([await harness.metric(poisoned), await harness.metric(refusedAnswers)], [0, 0]);
  assert.deepEqual(await harness.database.keys('redelivery:*'), []);
});

test('a worker that is stopped during a request, again and again, does not make it poison', async (t) => {
  const harness = await harnessOf(t, { workers: 0 });
  let isHeld = true;
  const relay = await relayTo(harness, (packet) => !isHeld || !packet.includes(marker));
  const settings = { MQTT_URL: relay.url, SHUTDOWN_TIMEOUT_MS: '200' };
  const { process } = await harness.startWorker(settings);
  const phone = await harness.phone();
  await plant(harness, phone);
  const answer = phone.ask(get(phone));
  for (let stops = 0; stops < 4; stops++) {
    await eventually('it is in work', async () => (await harness.metric('profile_in_flight')) === 1);
    if (stops > 0)
      await eventually(
        'it is counted',
        async () => (await harness.database.keys('redelivery:*')).length === 1,
      );
    await process.kill('SIGTERM');
    assert.deepEqual(await harness.database.keys('redelivery:*'), []);
    if (stops === 3) isHeld = false;
    await process.restart();
  }
  fieldsOf(await answer);
  await harness.idle();
  assert.equal(await harness.metric(poisoned), 0);
});

test('the data of dropped requests is bounded in number, in bytes and in time', async (t) => {
  const harness = await harnessOf(t, { workers: 0 });
  const redis = openRedis(harness.redis.url, '', () => undefined);
  t.after(() => redis.close());
  const store = openPoison(redis, 600, secret);
  const keep = (id: string, at: number, bytes: number) => {
    const payload = Buffer.alloc(bytes);
    return store.keep({ id, at: new Date(at), client: 'c', kind: 'get', phone: '380…233', bytes, payload });
  };
  const now = Date.now();
  const ids = async () => (await store.list()).map(({ id }) => id);
  await keep('too old', now - 25 * 60 * 60 * 1000, 10);
  for (let count = 0; count < 101; count++) await keep(String(count), now + count, 10);
  assert.deepEqual(
    await ids(),
    Array.from({ length: 100 }, (_, n) => String(n + 1)),
  );
  assert.equal(await keep('100', now, 10), 'done');

  for (let count = 0; count < 12; count++) await keep(`large ${count}`, now + 1000 + count, 500_000);
  assert.deepEqual(await ids(), ['large 6', 'large 7', 'large 8', 'large 9', 'large 10', 'large 11']);
  await keep('too large', now + 2000, 600_000);
  const { bytes, payload } = (await store.list()).at(-1) ?? {};
  assert.deepEqual([bytes, payload], [600_000, undefined]);
  const left = await harness.database.ttl('poisoned');
  assert.ok(left > 0 && left <= 24 * 60 * 60);
});
