/** The counted cost of a request besides the worker's own work: round trips to Redis, and writes to the broker. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, type Tuple } from '../../../src/etf/index.ts';
import { chunkEnd } from '../../harness/framing.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import type { RelayOptions } from '../../harness/relay.ts';
import { fieldsOf, profile } from '../../harness/terms.ts';

const requests = 32;

const writes = { redis: 0, broker: 0 };

/** Once a second a worker looks for contacts to tell, without any request. */
const isLook = (bytes: Buffer): boolean =>
  /\bzrange\b.*\bfan-outs\b/is.test(bytes.toString('latin1')) &&
  !/\bevalsha\b/i.test(bytes.toString('latin1'));

/** Counts what arrives from the worker: a write each, as none waits for another. */
const counting = (server: keyof typeof writes): RelayOptions => ({
  packetEnd: chunkEnd,
  inspector: () => (bytes, direction) => {
    if (direction === 'up' && !isLook(bytes)) writes[server]++;
    return true;
  },
});

const harness = await startHarness({ redis: {}, workers: 0 });
const toRedis = await harness.relay(counting('redis'), harness.redis);
const toBroker = await harness.relay(counting('broker'));
const worker = await harness.startWorker({
  REDIS_URL: toRedis.url,
  MQTT_URL: toBroker.url,
  // Only requests must be counted.
  HEARTBEAT_MS: '60000',
  HEIR_AFTER_MS: '180000',
  LOG_LEVEL: 'info',
});
const phones = await Promise.all(Array.from({ length: requests }, () => harness.phone()));
for (const phone of phones) await phone.ask(profile({ phone: phone.number, settings: [], status: 'set' }));
await worker.idle();
after(() => harness.stop());

const get = ({ number: phone }: Phone) => profile({ phone, status: 'get' });
const set = ({ number: phone }: Phone) => profile({ phone, presence: atom('online'), status: 'set' });

/** How many scripts Redis has run, and how many commands outside of scripts have read. */
async function commandsOfRedis(): Promise<number> {
  const stats = await harness.database.info('commandstats');
  const calls = (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  return calls('evalsha') + calls('eval') + calls('get') + calls('hget');
}

async function counted(work: () => Promise<void>) {
  const before = { commands: await commandsOfRedis(), ...writes };
  await work();
  await worker.idle();
  return {
    commands: (await commandsOfRedis()) - before.commands,
    redisWrites: writes.redis - before.redis,
    brokerWrites: writes.broker - before.broker,
  };
}

test('a get is one command and one write to Redis, and two writes to the broker: the answer and the acknowledgement', async () => {
  const counts = await counted(async () => {
    for (const phone of phones) {
      fieldsOf(await phone.ask(get(phone)));
      await worker.idle();
    }
  });
  assert.deepEqual(counts, { commands: requests, redisWrites: requests, brokerWrites: 2 * requests });
});

/** Delivers a request of every phone to the worker at once. */
async function askAtOnce(request: (phone: Phone) => Tuple): Promise<void> {
  toBroker.hold('down');
  const answers = phones.map((phone) => phone.ask(request(phone)));
  const requestBytes = 60;
  await eventually('all requests are held back', () => toBroker.heldBytes > requests * requestBytes);
  toBroker.release();
  for (const answer of await Promise.all(answers)) fieldsOf(answer);
}

test('requests of one turn are read by one command, and answered in one write', async () => {
  const counts = await counted(() => askAtOnce(get));
  // Several socket reads are several turns, and a busy machine makes shorter ones; one request at a time would be 32 and 64.
  assert.ok(counts.commands <= requests / 4 && counts.redisWrites <= requests / 4, JSON.stringify(counts));
  assert.ok(counts.brokerWrites <= requests / 2, JSON.stringify(counts));
});

test('changes of one turn are made by one write more', async () => {
  const counts = await counted(() => askAtOnce(set));
  // As above: requests of several turns are changed in several writes.
  assert.ok(counts.redisWrites <= requests / 2, JSON.stringify(counts));
  assert.ok(counts.brokerWrites <= requests / 2, JSON.stringify(counts));
});
