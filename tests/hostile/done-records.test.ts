/** The idempotency records of a client at its full rate: a megabyte at most, and each is still found. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { readSettings } from '../../src/config/settings.ts';
import { atom } from '../../src/etf/index.ts';
import { requests } from '../../src/handlers/index.ts';
import { withRest } from '../../src/pipeline/idempotency.ts';
import { openStoresOf } from '../harness/direct-calls.ts';
import { type Phone, startHarness } from '../harness/harness.ts';
import { feature, fieldsOf, profile, refusal } from '../harness/terms.ts';

const own = await startHarness({ settings: { CLIENT_RATE: '0' } });
after(() => own.stop());

const { clientRate, mqtt } = readSettings({ MQTT_URL: 'mqtt://localhost', REDIS_URL: 'redis://localhost' });

/** For so long a record of the default settings is kept. */
const doneSeconds = mqtt.sessionExpirySeconds + 300;
/** What one client asks for at its full rate in the ten minutes in which no record goes. */
const asked = clientRate.rate * 600 + clientRate.burst;

const keysOf = ({ number }: Phone) => own.database.keys(`done:{${number}}:*`);

async function bytesOf(phone: Phone): Promise<number> {
  const keys = await keysOf(phone);
  const each = await Promise.all(keys.map((key) => own.database.memory('USAGE', key, 'SAMPLES', 0)));
  return each.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
}

/** A key as a request has it. */
const keyOf = (name: string) => createHash('sha256').update(name).digest('base64url').slice(0, 22);

async function recordMany(phone: Phone, count: number, name: string, makeKey = keyOf): Promise<void> {
  const { stores, close } = await openStoresOf(own);
  for (let from = 0; from < count; from += 1_000) {
    const names = Array.from(
      { length: Math.min(1_000, count - from) },
      (_, index) => `${name} ${from + index}`,
    );
    const kept = names.map((each) => {
      const ref = { phone: phone.number, key: makeKey(each), record: '' };
      return stores.idempotencyRecords.recordRefusal(ref, ref, 'refused:too_many_requests');
    });
    assert.deepEqual(new Set(await Promise.all(kept)), new Set(['stored']));
  }
  await close();
}

const set = (phone: Phone, language: string) =>
  profile({
    phone: phone.number,
    settings: [feature('LANG', language)],
    status: 'set',
  });

const repeatable = (name: string) => ({ properties: { correlationData: Buffer.from(name) } });

test('records of a client at its full rate take a megabyte at most, and the oldest is found among them', async () => {
  const phone = await own.phone();
  const first = fieldsOf(await phone.ask(set(phone, 'uk'), repeatable('first')));
  await phone.ask(set(phone, 'en'), repeatable('second'));
  await recordMany(phone, asked, 'request');
  const bytes = await bytesOf(phone);
  assert.ok(bytes <= 1_000_000, `${asked} records take ${bytes} bytes`);
  assert.ok((await keysOf(phone)).length <= 256);
  const again = fieldsOf(await phone.ask(set(phone, 'uk'), repeatable('first')));
  assert.notDeepEqual(again.settings, first.settings, 'it is not done once more');
  const { stores, close } = await openStoresOf(own);
  assert.match(
    await stores.idempotencyRecords.read(phone.number, keyOf('request 0')),
    /^refused:too_many_requests /,
  );
  await close();
});

test('records that a client has made to come to one hash are bounded, and the newest are found', async () => {
  const phone = await own.phone();
  const ofOneHash = (name: string) => `AA${keyOf(name).slice(2)}`;
  await recordMany(phone, 6_000, 'ground', ofOneHash);
  assert.deepEqual(await keysOf(phone), [`done:{${phone.number}}:00`]);
  const count = await own.database.hlen(`done:{${phone.number}}:00`);
  assert.ok(count >= 1_024 && count <= 2_048 + 256, `${count} records`);
  const { stores, close } = await openStoresOf(own);
  const found = await stores.idempotencyRecords.read(phone.number, ofOneHash('ground 5999'));
  assert.match(found, /^refused:too_many_requests /);
  await close();
});

test('requests themselves leave records of that size: done, refused, and wrong codes', async () => {
  const phone = await own.phone();
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  const stored = async () =>
    await Promise.all((await keysOf(phone)).map((key) => own.database.hgetallBuffer(key)));
  for (let count = 0; count < 8; count++) await phone.ask(set(phone, `${count}`));
  const other = await own.phone();
  assert.deepEqual(await other.ask(profile({ phone: other.number, status: 'update' })), refusal('not_found'));
  const records = (await stored()).flatMap((hash) => Object.values(hash));
  assert.equal(records.length, 9);
  for (const record of records) assert.ok(record.length <= 12, `${record.length} bytes`);
});

test('a client that names a new phone with each request leaves its refusals with its own', async () => {
  const phone = await own.phone();
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  const before = (await own.database.keys('done:*')).length;
  for (let count = 0; count < 200; count++)
    await phone.ask(profile({ phone: `${9_000_000 + count}`, status: 'migrate' }));
  // 30 are let in an hour.
  const keys = await own.database.keys('done:{9000*}:*');
  assert.equal(keys.length, 30);
  const own256 = await keysOf(phone);
  assert.equal((await own.database.keys('done:*')).length - before, 30 + own256.length - 1);
});

test('what comes again has the record that a worker of the version before has kept', async () => {
  const phone = await own.phone();
  const { stores, close } = await openStoresOf(own);
  const keys = { request: keyOf('done'), delivery: keyOf('refused') };
  await own.database.set(`done:{${phone.number}}:${keys.request}`, 'email_sent v');
  await own.database.set(`done:{${phone.number}}:${keys.delivery}`, 'refused:busy v');
  const asker = { row: requests.link, phone: phone.number, sessionPhone: phone.number };
  const nothing = { session: undefined, stored: undefined, record: '', refusal: '' };
  const { record, refusal: refused } = await withRest(nothing, keys, asker, stores);
  assert.deepEqual([record, refused], ['email_sent v', 'refused:busy v']);
  await close();
});

/** As if the records of a phone had been kept so many minutes ago. */
async function age(phone: Phone, minutes: number): Promise<void> {
  const then = Math.floor(Date.now() / 60_000) - minutes;
  for (const key of await keysOf(phone)) {
    for (const [field, value] of fieldsIn(await own.database.callBuffer('HGETALL', key))) {
      value.writeUInt16BE(then % 65_536);
      await own.database.hset(key, field, value);
    }
  }
}

test('a record is kept until no broker has the request any more, and a client at its full rate takes no more for that', async () => {
  const phone = await own.phone();
  await recordMany(phone, asked, 'request');
  await age(phone, Math.floor(mqtt.sessionExpirySeconds / 60));
  const late = await own.phone();
  await recordMany(late, 1, 'request');
  await age(late, Math.floor(mqtt.sessionExpirySeconds / 60));
  await recordMany(phone, asked, 'new');
  await recordMany(late, 1_000, 'new');
  const bytes = await bytesOf(phone);
  assert.ok(bytes <= 1_200_000, `the records of a day take ${bytes} bytes`);
  const { stores, close } = await openStoresOf(own);
  assert.notEqual(await stores.idempotencyRecords.read(late.number, keyOf('request 0')), '');
  await close();
});

test('a clock that goes back a minute loses no record', async () => {
  const phone = await own.phone();
  const ofOneHash = (name: string) => `AA${keyOf(name).slice(2)}`;
  await recordMany(phone, 5, 'before', ofOneHash);
  await age(phone, -2);
  await recordMany(phone, 1, 'after', ofOneHash);
  assert.equal(await own.database.hlen(`done:{${phone.number}}:00`), 6);
});

test('records that have outlived the broker’s session go, also while new ones come', async () => {
  const phone = await own.phone();
  await recordMany(phone, 2_000, 'old');
  const old = (await keysOf(phone))[0] ?? assert.fail();
  assert.ok((await own.database.ttl(old)) <= doneSeconds);
  await age(phone, Math.ceil(doneSeconds / 60) + 2);
  await recordMany(phone, 8_000, 'new');
  const counts = await Promise.all((await keysOf(phone)).map((key) => own.database.hlen(key)));
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    8_000,
  );
});

function fieldsIn(reply: unknown): [Buffer, Buffer][] {
  const words = reply as Buffer[];
  return words.flatMap((field, index) =>
    index % 2 === 0 ? [[field, words[index + 1] ?? assert.fail()]] : [],
  );
}
