import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import type { RequestKind } from '../../src/records/profile.ts';
import { Crowd } from '../crowd/crowd.ts';
import { Device } from '../crowd/device.ts';
import { kinds, type Mix } from '../crowd/mix.ts';
import { type System, startSystem } from '../crowd/system.ts';
import { Town } from '../crowd/town.ts';
import { cpuBetween, infoNumber, readCpu, residentBytes } from '../crowd/usage.ts';
import type { Costs, RequestCosts } from './costs.ts';

type Progress = (text: string) => void;

const people = 1_200;
const manyFriends = 20;
const idleConnections = 4_000;
const notices = 20_000;

/** Some requests have others that must come before them; all of them are asked in the same measure. */
const measured: readonly {
  readonly kinds: readonly RequestKind[];
  readonly rate: number;
  readonly seconds: number;
}[] = [
  { kinds: ['get'], rate: 1_500, seconds: 5 },
  { kinds: ['set'], rate: 800, seconds: 5 },
  { kinds: ['update'], rate: 800, seconds: 5 },
  { kinds: ['aws'], rate: 40, seconds: 6 },
  { kinds: ['link', 'email'], rate: 40, seconds: 8 },
  { kinds: ['migrate', 'phone'], rate: 100, seconds: 5 },
  { kinds: ['remove'], rate: 60, seconds: 5 },
];

/** Measure what requests, profiles and connections cost; Linux only. */
export async function measureCosts(machine: string, progress: Progress): Promise<Costs> {
  const system = await startSystem(1);
  try {
    const connections = await measureConnections(system, progress);
    const empty = await measureStored(system, 0, progress);
    const full = await measureStored(system, manyFriends, progress);
    const requests = await measureRequests(system, progress);
    const doneBytes = await measureDone(system.redis);
    const told = await measureTold(system, progress);
    const each = (of: keyof RequestCosts): number =>
      round(Math.max(0, told[of] - requests.update[of]) / manyFriends, 2);
    return {
      command: 'npm run simulate -- --measure',
      machine,
      requests,
      updateForContact: {
        workerMicros: each('workerMicros'),
        brokerMicros: each('brokerMicros'),
        redisMicros: each('redisMicros'),
        redisCommands: each('redisCommands'),
      },
      profileBytes: round(empty.storedBytes),
      contactBytes: round((full.storedBytes - empty.storedBytes) / manyFriends),
      doneBytes: round(doneBytes),
      answerBytes: empty.answerBytes,
      answerBytesForContact: round((full.answerBytes - empty.answerBytes) / manyFriends),
      broker: connections,
    };
  } finally {
    await system.stop();
  }
}

async function openTown({ broker, redis, codeFor }: System, friends: number): Promise<Town> {
  await redis.flushdb();
  return Town.connect({ broker, redis, codeFor, people, friends, qos: 2 });
}

/** What Redis holds for each person, and how large an answer to `get` is. */
async function measureStored(system: System, friends: number, progress: Progress) {
  progress(`profiles with ${friends} contacts`);
  await system.redis.flushdb();
  const before = infoNumber(await system.redis.info('memory'), 'used_memory');
  const town = await openTown(system, friends);
  try {
    await new Crowd(town).seed();
    for (const key of await system.redis.keys('done:*')) await system.redis.del(key);
    // The joined rosters that a `get` answers with are kept once somebody has asked.
    const sizes = town.people.map(
      (person) =>
        new Promise<number>((resolve) => {
          person.device.ask(person.get, (payload) => {
            resolve(payload.length);
            return true;
          });
        }),
    );
    const [answerBytes = 0] = await Promise.all(sizes);
    const after = infoNumber(await system.redis.info('memory'), 'used_memory');
    return { storedBytes: (after - before) / people, answerBytes };
  } finally {
    town.leave();
  }
}

/** Each kind by itself, of phones without contacts. */
async function measureRequests(system: System, progress: Progress): Promise<Costs['requests']> {
  const town = await openTown(system, 0);
  try {
    const crowd = new Crowd(town);
    await crowd.seed();
    // What is loaded with the first of its kind is no cost of a request.
    await crowd.run(stepOf(kinds, 60, 3), progress);
    const costs = new Map<RequestKind, RequestCosts>();
    for (const { kinds: together, rate, seconds } of measured) {
      const cost = await measureStep(system, crowd, { kinds: together, rate, seconds }, progress);
      for (const kind of together) costs.set(kind, cost);
    }
    return Object.fromEntries(costs) as Costs['requests'];
  } finally {
    town.leave();
  }
}

/** An `update` of a phone that many have in their rosters. */
async function measureTold(system: System, progress: Progress): Promise<RequestCosts> {
  const town = await openTown(system, manyFriends);
  try {
    const crowd = new Crowd(town);
    await crowd.seed();
    await crowd.run(stepOf(['update'], 30, 2), progress);
    return await measureStep(system, crowd, { kinds: ['update'], rate: 80, seconds: 8 }, progress);
  } finally {
    town.leave();
  }
}

function stepOf(together: readonly RequestKind[], rate: number, seconds: number) {
  const mix: Mix = new Map(together.map((kind) => [kind, 1]));
  return { rate, durationMs: seconds * 1000, arrivals: 'poisson' as const, mix };
}

async function measureStep(
  system: System,
  crowd: Crowd,
  { kinds: together, rate, seconds }: (typeof measured)[number],
  progress: Progress,
): Promise<RequestCosts> {
  const [before, commandsBefore] = [await readCpu(system), await commands(system.redis)];
  const { answered, wrong, results } = await crowd.run(stepOf(together, rate, seconds), progress);
  if (wrong > 0) throw new Error(`wrong answers: ${[...results].map((entry) => entry.join(' ')).join(', ')}`);
  const used = cpuBetween(before, await readCpu(system));
  const ran = (await commands(system.redis)) - commandsBefore;
  const micros = (cpuSeconds: number): number => round((cpuSeconds * 1e6) / answered, 1);
  return {
    workerMicros: micros(used.workers),
    brokerMicros: micros(used.broker),
    redisMicros: micros(used.redis),
    redisCommands: round(ran / answered, 1),
  };
}

/** How many commands Redis has run, those inside scripts included, those of this process's readings not. */
async function commands(redis: Redis): Promise<number> {
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return [...lines].reduce((sum, [, name, calls]) => sum + (name === 'info' ? 0 : Number(calls)), 0);
}

async function measureDone(redis: Redis): Promise<number> {
  const keys = (await redis.keys('done:*')).slice(0, 100);
  const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) / Math.max(1, keys.length);
}

/** What connections and notices cost the broker. */
async function measureConnections(system: System, progress: Progress): Promise<Costs['broker']> {
  const pid = system.pids.broker ?? 0;
  progress(`${idleConnections} idle connections`);
  const [before, held] = [await readCpu(system), residentBytes(pid)];
  const devices: Device[] = [];
  while (devices.length < idleConnections) {
    const places = Array.from({ length: 100 }, (_, place) => devices.length + place);
    devices.push(
      ...(await Promise.all(
        places.map((place) =>
          Device.connect(system.broker, `idle_${place}`, { qos: 2, numbers: [`38063${1_000_000 + place}`] }),
        ),
      )),
    );
  }
  const connected = cpuBetween(before, await readCpu(system));
  const connectionBytes = round((residentBytes(pid) - held) / idleConnections);
  const pingMicros = await measureOn(system, devices.length * 5, async () => {
    for (let round = 0; round < 5; round++) await Promise.all(devices.map((device) => device.ping()));
  });
  const told = devices[0];
  if (told === undefined) throw new Error('nobody is connected');
  const noticeMicros = await publish(system, `ses/38063${1_000_000}`);
  const strayNoticeMicros = await publish(system, 'ses/380000000000');
  for (const device of devices) device.disconnect();
  return {
    connectionBytes,
    connectMicros: round((connected.broker * 1e6) / idleConnections, 1),
    pingMicros,
    noticeMicros,
    strayNoticeMicros,
  };
}

/** Publish notices as a worker does, at QoS 1, hundreds at once. */
async function publish({ broker, ...system }: System, topic: string): Promise<number> {
  const client = await connectAsync(`mqtt://${broker.host}:${broker.port}`, { protocolVersion: 5 });
  const payload = Buffer.alloc(150);
  const micros = await measureOn({ broker, ...system }, notices, async () => {
    for (let sent = 0; sent < notices; sent += 200) {
      await Promise.all(Array.from({ length: 200 }, () => client.publishAsync(topic, payload, { qos: 1 })));
    }
  });
  await client.endAsync();
  return micros;
}

/** The broker's microseconds for one of so many things. */
async function measureOn(system: System, count: number, work: () => Promise<void>): Promise<number> {
  const before = await readCpu(system);
  await work();
  await sleep(200);
  return round((cpuBetween(before, await readCpu(system)).broker * 1e6) / count, 1);
}

function round(value: number, digits = 0): number {
  return Number(value.toFixed(digits));
}
