import { deflateSync } from 'node:zlib';
import { atom, encode, type Term } from '../src/etf/index.ts';
import { entry, idOf } from '../tests/harness/address-books.ts';
import { type Harness, type Phone, startHarness } from '../tests/harness/harness.ts';
import { profile, roster, service } from '../tests/harness/terms.ts';
import type { BenchOptions } from './contest.ts';
import { startMeter } from './load/usage.ts';
import { type Section, spreadOf } from './table.ts';

/** Prepares a phone, and gives a request of it. */
type Prepare = (phone: Phone, harness: Harness) => Promise<Buffer>;

/** Requests that are mostly one kind of work. */
const works: Readonly<Record<string, Prepare>> = {
  'small get': (phone) => getOf(phone, 20),
  'get of 1,000 contacts': (phone) => getOf(phone, 1_000),
  'get of 2,400 contacts': (phone) => getOf(phone, 2_400),
  'set of 1,000 contacts': async (phone) => encode(bookOf(phone, 1_000)),
  'zipped set of 1,000 services': async (phone) => zippedServices(phone, 1_000),
  'zipped set of 7,000 services': async (phone) => zippedServices(phone, 7_000),
  'zipped set of 64,000 empty lists': async (phone) => {
    const settings = Array.from({ length: 64_000 }, () => []);
    return zipped(profile({ phone: phone.number, settings, status: 'set' }));
  },
  'update of 1,000 strangers': async (phone) => {
    await phone.ask(bookOf(phone, 1_000));
    return encode(profile({ phone: phone.number, update: Date.now(), status: 'update' }));
  },
  'update of 50 friends': async (phone, harness) => {
    const friends: string[] = [];
    for (let made = 0; made < 50; made++) {
      const friend = await harness.phone();
      friends.push(idOf(friend));
      await friend.ask(bookOf(friend, [idOf(phone)]));
    }
    await phone.ask(bookOf(phone, friends));
    return encode(profile({ phone: phone.number, update: Date.now(), status: 'update' }));
  },
};

/** What requests of each kind take of worker, broker and Redis together, beside the units that they are charged. */
export async function benchPrices({ quick, progress }: BenchOptions): Promise<Section[]> {
  const harness = await startHarness({ settings: { LOG_LEVEL: 'info' } });
  try {
    const rows = [];
    for (const [name, prepare] of Object.entries(works)) {
      progress(name);
      const phone = await harness.phone();
      const payload = await prepare(phone, harness);
      await measure(harness, phone, payload, batch);
      const figures = await measure(harness, phone, payload, quick ? 5 * batch : 20 * batch);
      rows.push({ name, figures: figures.map((figure) => spreadOf([figure])) });
    }
    const columns = ['µs a request', 'units', 'µs a unit'];
    return [{ title: 'prices, in CPU time of worker, broker and Redis', columns, rows }];
  } finally {
    await harness.stop();
  }
}

const batch = 20;

async function measure(harness: Harness, phone: Phone, payload: Buffer, count: number): Promise<number[]> {
  const port = Number(new URL(harness.worker.process.url).port);
  const charged = await unitsOf(harness);
  const used = await startMeter({
    redis: harness.database,
    pids: { broker: harness.broker.pid },
    httpPorts: [port],
  });
  for (let asked = 0; asked < count; asked += batch) {
    phone.answers.length = 0;
    await Promise.all(Array.from({ length: batch }, () => phone.send(payload, { qos: 1 })));
    while (phone.answers.length < batch) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await harness.idle();
  const { workers, broker, redis } = await used(count);
  const micros = (workers + broker + redis) * 1e6;
  const units = ((await unitsOf(harness)) - charged) / count;
  return [micros, units, micros / units];
}

async function unitsOf(harness: Harness): Promise<number> {
  const { body } = await harness.worker.page('/metrics');
  const counts = [...body.matchAll(/^profile_charged_units_total\{.*\} (\S+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

async function getOf(phone: Phone, contacts: number): Promise<Buffer> {
  await phone.ask(bookOf(phone, contacts));
  return encode(profile({ phone: phone.number, status: 'get' }));
}

/** A `set` with these contacts, or with so many strangers. */
function bookOf({ number: phone }: Phone, contacts: number | readonly string[]): Term {
  const ids =
    typeof contacts === 'number'
      ? Array.from({ length: contacts }, (_, place) => `${380_670_000_000 + place}_1`)
      : contacts;
  const rosters = [roster({ id: 1, userlist: ids.map((id) => entry(id)) })];
  return profile({ phone, rosters, status: 'set' });
}

function zippedServices({ number: phone }: Phone, count: number): Buffer {
  const services = Array.from({ length: count }, () => service({ type: atom('vox') }));
  return zipped(profile({ phone, services, status: 'set' }));
}

/** 131, 80, the size, and the term deflated. */
function zipped(term: Term): Buffer {
  const bytes = encode(term).subarray(1);
  const head = Buffer.from([131, 80, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 2);
  return Buffer.concat([head, deflateSync(bytes, { level: 9 })]);
}
