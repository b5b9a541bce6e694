/** The counted cost of a request besides the worker's own work: round trips to Redis, and writes to the broker. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { atom, type Tuple } from '../../../src/etf/index.ts';
import { eventually, type Harness, type Phone, startHarness } from '../../harness/harness.ts';
import { fieldsOf, profile } from '../../harness/terms.ts';
import type { WorkerUnderTest } from '../../harness/worker.ts';

/** A relay between the worker and a server that counts the worker's writes; no write waits for another. */
class Counter {
  readonly #server = createServer((socket) => this.#join(socket));
  readonly #held = new Map<Socket, Buffer[]>();
  readonly #port: number;
  writes = 0;
  #isHolding = false;

  constructor(port: number) {
    this.#port = port;
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Holds the server's data back, and releases all of it in one write for each connection. */
  hold(): void {
    this.#isHolding = true;
  }

  get heldBytes(): number {
    return Buffer.concat([...this.#held.values()].flat()).length;
  }

  release(): void {
    this.#isHolding = false;
    for (const [socket, parts] of this.#held) socket.write(Buffer.concat(parts));
    this.#held.clear();
  }

  close(): void {
    this.#server.close();
  }

  #join(client: Socket): void {
    const server = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    client.on('data', (bytes) => {
      this.writes++;
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (this.#isHolding) this.#held.set(client, [...(this.#held.get(client) ?? []), bytes]);
      else client.write(bytes);
    });
    for (const [socket, other] of [[client, server] as const, [server, client] as const]) {
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
  }
}

const requests = 32;

let harness: Harness;
let worker: WorkerUnderTest;
let toRedis: Counter;
let toBroker: Counter;
let phones: Phone[];

before(async () => {
  harness = await startHarness({ workers: 0 });
  toRedis = new Counter(Number(new URL(harness.redis.url).port));
  toBroker = new Counter(Number(new URL(harness.broker.url).port));
  worker = await harness.startWorker({
    REDIS_URL: `redis://127.0.0.1:${await toRedis.listen()}`,
    MQTT_URL: `mqtt://127.0.0.1:${await toBroker.listen()}`,
    // Only requests must be counted.
    HEARTBEAT_MS: '60000',
    HEIR_AFTER_MS: '180000',
    LOG_LEVEL: 'info',
  });
  phones = await Promise.all(Array.from({ length: requests }, () => harness.phone()));
  for (const phone of phones) await phone.ask(profile({ phone: phone.number, settings: [], status: 'set' }));
  await worker.idle();
});
after(async () => {
  toRedis.close();
  toBroker.close();
  await harness.stop();
});

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
  const before = { commands: await commandsOfRedis(), redis: toRedis.writes, broker: toBroker.writes };
  await work();
  await worker.idle();
  return {
    commands: (await commandsOfRedis()) - before.commands,
    redisWrites: toRedis.writes - before.redis,
    brokerWrites: toBroker.writes - before.broker,
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
  toBroker.hold();
  const answers = phones.map((phone) => phone.ask(request(phone)));
  const requestBytes = 60;
  await eventually('all requests are held back', () => toBroker.heldBytes > requests * requestBytes);
  toBroker.release();
  for (const answer of await Promise.all(answers)) fieldsOf(answer);
}

test('requests of one turn are read by one command, and answered in one write', async () => {
  const counts = await counted(() => askAtOnce(get));
  // Several socket reads are several turns; one request at a time would be 32 and 64.
  assert.ok(counts.commands <= 3 && counts.redisWrites <= 3, JSON.stringify(counts));
  assert.ok(counts.brokerWrites <= requests / 2, JSON.stringify(counts));
});

test('changes of one turn are made by one write more', async () => {
  const counts = await counted(() => askAtOnce(set));
  // As above: requests of several turns are changed in several writes.
  assert.ok(counts.redisWrites <= 6, JSON.stringify(counts));
  assert.ok(counts.brokerWrites <= requests / 2, JSON.stringify(counts));
});
