/**
 * `npm run flood`: the effect on others of one client that sends requests without end.
 *
 * Fifty phones send 200 requests a second by a schedule. In every other round one more client publishes `get` 2,000
 * times a second, which is forty times its limit. Broker, Redis and two workers are its own, on free ports. Prints a
 * line a round and the ratio. `-- --rounds 5 --seconds 5 --rate 2000`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { connectAsync, type MqttClient } from 'mqtt';
import { startMosquitto } from '../dev/servers/mosquitto.ts';
import { startRedis } from '../dev/servers/redis.ts';
import { atom, decode, encode, isAtom, Tuple, tuple } from '../src/etf/index.ts';
import { startWorker } from '../tests/harness/worker.ts';

const topic = 'events/1//api/anon//';
const phoneOf = (index: number): string => `38050${1_000_000 + index}`;
const phones = 50;
const askedPerSecond = 200;
const flooder = phones;

const request = (index: number, kind: string): Buffer =>
  encode(tuple(atom('Profile'), Buffer.from(phoneOf(index)), [], [], [], 0, 0, [], atom(kind)));

interface Flooded {
  readonly sent: number;
  readonly refused: number;
}

/** Runs in its own process: publishes at a rate until it is stopped. */
async function flood(url: string, rate: number): Promise<void> {
  const client = await connectAsync(url, { clientId: `client-${flooder}`, protocolVersion: 5 });
  let sent = 0;
  let refused = 0;
  client.on('message', (_, payload) => {
    if (isRefusal(payload)) refused++;
  });
  await client.subscribeAsync(`actions/1/api/client-${flooder}`, { qos: 0 });
  const payload = request(flooder, 'get');
  const began = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * rate;
    for (; sent < due; sent++) client.publish(topic, payload, { qos: 0 });
  }, 5);
  process.send?.('ready');
  await once(process, 'message');
  clearInterval(timer);
  process.send?.({ sent, refused } satisfies Flooded);
  await client.endAsync(true);
  process.disconnect();
}

function isRefusal(payload: Buffer): boolean {
  const term = decode(payload);
  const result = term instanceof Tuple ? term.elements[1] : undefined;
  return result instanceof Tuple && isAtom(result.elements[1] ?? [], 'too_many_requests');
}

/** One phone; answers arrive in the order of its requests. */
class Asker {
  readonly #client: MqttClient;
  readonly #payload: Buffer;
  readonly #due: number[] = [];

  private constructor(client: MqttClient, index: number, onAnswer: (milliseconds: number) => void) {
    this.#client = client;
    this.#payload = request(index, 'get');
    client.on('message', () => {
      const due = this.#due.shift();
      if (due !== undefined) onAnswer(performance.now() - due);
    });
  }

  static async connect(url: string, index: number, onAnswer: (milliseconds: number) => void): Promise<Asker> {
    const client = await connectAsync(url, { clientId: `client-${index}`, protocolVersion: 5 });
    await client.subscribeAsync(`actions/1/api/client-${index}`, { qos: 1 });
    const answered = new Promise<void>((resolve) => client.once('message', () => resolve()));
    await client.publishAsync(topic, request(index, 'set'), { qos: 1 });
    await answered;
    return new Asker(client, index, onAnswer);
  }

  /** @param due - when it was to be sent, so that a late start counts too. */
  ask(due: number): void {
    this.#due.push(due);
    this.#client.publish(topic, this.#payload, { qos: 1 });
  }

  get open(): number {
    return this.#due.length;
  }

  end(): Promise<void> {
    return this.#client.endAsync(true);
  }
}

/** Milliseconds of each request within this many seconds. */
async function ask(askers: readonly Asker[], latencies: number[], seconds: number): Promise<number[]> {
  latencies.length = 0;
  const began = performance.now();
  for (let count = 0; count < seconds * askedPerSecond; ) {
    const elapsed = performance.now() - began;
    for (; count < (elapsed / 1_000) * askedPerSecond; count++)
      askers[count % askers.length]?.ask(began + (count * 1_000) / askedPerSecond);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  while (askers.some(({ open }) => open > 0)) await new Promise((resolve) => setTimeout(resolve, 1));
  return latencies.slice().sort((a, b) => a - b);
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
const median = (values: readonly number[]): number =>
  at(
    [...values].sort((a, b) => a - b),
    0.5,
  );
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(rounds: number, seconds: number, rate: number): Promise<void> {
  const [broker, redis] = await Promise.all([startMosquitto({ persistence: false }), startRedis()]);
  const database = new Redis(redis.url);
  for (let index = 0; index <= flooder; index++)
    await database.hset(`session:client-${index}`, { phone: phoneOf(index) });
  database.disconnect();
  const workers = await Promise.all(
    ['worker-1', 'worker-2'].map((name) =>
      startWorker({
        MQTT_URL: broker.url,
        MQTT_CLIENT_ID: name,
        REDIS_URL: redis.url,
        SHUTDOWN_TIMEOUT_MS: '2000',
      }),
    ),
  );
  const latencies: number[] = [];
  const askers: Asker[] = [];
  for (let place = 0; place < phones; place++)
    askers.push(await Asker.connect(broker.url, place, (milliseconds) => latencies.push(milliseconds)));
  await ask(askers, latencies, seconds); // Warm-up.

  const calm: number[] = [];
  const flooded: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const without = await ask(askers, latencies, seconds);
    const child = fork(fileURLToPath(import.meta.url), ['--flood', broker.url, '--rate', `${rate}`]);
    await once(child, 'message');
    const during = await ask(askers, latencies, seconds);
    child.send('stop');
    const [{ sent, refused }] = (await once(child, 'message')) as [Flooded];
    calm.push(at(without, 0.99));
    flooded.push(at(during, 0.99));
    const ms = (sorted: readonly number[]) =>
      `p50 ${at(sorted, 0.5).toFixed(1)} p99 ${at(sorted, 0.99).toFixed(1)} ms`;
    print(`round ${round}: calm ${ms(without)}; flood ${ms(during)} (${sent} sent, ${refused} refused)`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const ratio = median(flooded) / median(calm);
  print(
    `p99 of the others: ${median(calm).toFixed(1)} ms calm, ${median(flooded).toFixed(1)} ms in the flood, ${ratio.toFixed(2)}×`,
  );
  await Promise.all(askers.map((asker) => asker.end()));
  await Promise.all(workers.map((worker) => worker.process.stop()));
  await Promise.all([broker.stop(), redis.stop()]);
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '2000' },
    flood: { type: 'string' },
  },
});
if (values.flood !== undefined) await flood(values.flood, Number(values.rate));
else await main(Number(values.rounds), Number(values.seconds), Number(values.rate));
