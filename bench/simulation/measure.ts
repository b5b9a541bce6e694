import { writeFile } from 'node:fs/promises';
import { connectAsync } from 'mqtt';
import type { BenchOptions } from '../contest.ts';
import { LoadGenerator } from '../load/generator.ts';
import { parseMix } from '../load/mix.ts';
import { Population } from '../load/population.ts';
import { type System, startSystem } from '../load/system.ts';
import { infoNumber, residentBytes, startMeter } from '../load/usage.ts';
import { describeMachine, machineLine } from '../report.ts';
import { type Section, spreadOf } from '../table.ts';
import type { Costs } from './simulate.ts';

const [people, friends, notices] = [4_200, 20, 20_000];

/** Mixes at requests a second; a request is measured together with its required earlier ones. */
const alone =
  'get=1@1500 set=1@800 update=1@800 aws=1@40 link=1,email=1@40 migrate=1,phone=1@100 remove=1@60';
const notifying = 'update=1@80';

/** The costs of `npm run simulate`, stored in `costs.json` except in a quick run; Linux only. */
export async function benchCosts(options: BenchOptions): Promise<Section[]> {
  const machine = machineLine(describeMachine());
  const system = await startSystem(1);
  try {
    const { profile, requests, broker } = await measure(system, 0, alone, options);
    const full = await measure(system, friends, notifying, options);
    const without = Object.values({ ...profile, ...requests.update });
    const more = Object.entries({ ...full.profile, ...full.requests.update }).map(([name, cost], index) => [
      name,
      rounded((cost - (without[index] ?? Number.NaN)) / friends),
    ]);
    const costs: Costs = { machine, requests, contact: Object.fromEntries(more), profile, broker };
    const file = new URL('costs.json', import.meta.url);
    if (!options.quick) await writeFile(file, `${JSON.stringify(costs, undefined, 2)}\n`);
    const figuresOf = (of: object) => Object.values(of).map((figure) => spreadOf([figure]));
    const rows = Object.entries(requests).map(([name, cost]) => ({ name, figures: figuresOf(cost) }));
    return [{ title: 'costs of a request', columns: Object.keys(requests.get), rows }];
  } finally {
    await system.stop();
  }
}

/** For phones with this many contacts. */
async function measure(system: System, contacts: number, mixes: string, { quick, progress }: BenchOptions) {
  const { broker: address, redis, codeFor, pids } = system;
  const infoOf = async (name: string) => infoNumber(await redis.info(), name);
  await redis.flushdb();
  const [empty, resident] = [await infoOf('used_memory'), residentBytes(pids.broker ?? 0)];
  const connected = await startMeter(system);
  const population = await Population.connect({
    broker: address,
    redis,
    codeFor,
    people,
    friends: contacts,
    qos: 2,
  });
  const broker = {
    connectionBytes: rounded((residentBytes(pids.broker ?? 0) - resident) / people),
    connectMicros: micros((await connected(people)).broker),
    noticeMicros: await publish(system, `ses/${population.people[0]?.number}`),
    strayNoticeMicros: await publish(system, 'ses/380000000000'),
  };
  const generator = new LoadGenerator(population);
  await generator.seed();
  for (const key of await redis.keys('done:*')) await redis.del(key);
  // The worker caches the joined rosters of a `get` after the first request.
  let answerBytes = 0;
  for (const { device, get } of population.people) answerBytes = (await device.answer(get)).length;
  const profile = { storedBytes: rounded(((await infoOf('used_memory')) - empty) / people), answerBytes };
  const requests: Record<string, Costs['requests']['get']> = {};
  for (const [text = '', rate] of mixes.split(' ').map((mix) => mix.split('@'))) {
    const step = { rate: Number(rate), arrivals: 'poisson', mix: parseMix(text) } as const;
    // Code loaded by the first request of a kind does not count.
    await generator.run({ ...step, durationMs: 2_000 }, progress);
    const [ran, used] = [await infoOf('total_commands_processed'), await startMeter(system)];
    const { answered, wrong } = await generator.run({ ...step, durationMs: quick ? 1_000 : 6_000 }, progress);
    if (wrong > 0) throw new Error(`${wrong} wrong answers to ${text}`);
    const spent = await used(answered);
    const cost = {
      workerMicros: micros(spent.workers),
      brokerMicros: micros(spent.broker),
      redisMicros: micros(spent.redis),
      redisCommands: rounded(((await infoOf('total_commands_processed')) - ran) / answered),
    };
    for (const kind of step.mix.keys()) requests[kind] = cost;
  }
  population.leave();
  return { requests: requests as Costs['requests'], profile, broker };
}

/** Publishes notices as a worker does, at QoS 1, hundreds at once. @returns the broker's microseconds for one. */
async function publish(system: System, topic: string): Promise<number> {
  const client = await connectAsync(`mqtt://${system.broker.host}:${system.broker.port}`);
  const notice = () => client.publishAsync(topic, Buffer.alloc(150), { qos: 1 });
  const used = await startMeter(system);
  for (let sent = 0; sent < notices; sent += 200) await Promise.all(Array.from({ length: 200 }, notice));
  const { broker } = await used(notices);
  await client.endAsync();
  return micros(broker);
}

const rounded = (value: number): number => Number(value.toFixed(2));
const micros = (seconds: number): number => rounded(seconds * 1e6);
