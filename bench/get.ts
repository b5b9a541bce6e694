import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type BenchOptions,
  bareLoop,
  bareSockets,
  measureContests,
  nestjs,
  withContenders,
  worker,
  workers,
} from './contest.ts';
import { type Contest, type Result, ratioOf, sectionOf, type Task } from './rounds.ts';
import type { Goal, Section } from './table.ts';

/** Requests in flight, and the phones' MQTT. */
const loads = [
  { inFlight: 1, version: 4 },
  { inFlight: 64, version: 4 },
  { inFlight: 256, version: 4 },
  { inFlight: 64, version: 5 },
  { inFlight: 256, version: 5 },
] as const;

/**
 * `get` from phone to phone, over broker and Redis. The worker is measured beside a loop of the same libraries
 * without checks, beside bare sockets, and beside NestJS where that is installed. One request in flight shows the
 * latency, many show the work.
 */
export function benchGet(options: BenchOptions): Promise<Section[]> {
  const peers = existsSync(`${nestjsFolder}node_modules`)
    ? [bareLoop, bareSockets, nestjs]
    : [bareLoop, bareSockets];
  return withContenders([...peers, ...workers(options)], options.progress, async (running, load) => {
    const tasks = loads.flatMap((each) =>
      running.map((contender): Task => ({ contender, kind: 'get', ...each })),
    );
    const all = await measureContests(tasks, load, options);
    return loads.map(({ inFlight, version }) => {
      const contests = all.filter(({ task }) => task.inFlight === inFlight && task.version === version);
      const [reference] = contests;
      if (reference === undefined) throw new Error('a contender is missing');
      const title = `get, ${inFlight} in flight, MQTT ${version === 4 ? '3.1.1' : '5'}`;
      return sectionOf(title, { contests, reference }, goalsOf(inFlight, contests));
    });
  });
}

/** The same with NestJS, which is installed for that. */
export function benchNestjs(options: BenchOptions): Promise<Section[]> {
  options.progress('installing NestJS');
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=silent'];
  const { status } = spawnSync('npm', ['install', ...quiet], { cwd: nestjsFolder, stdio: 'ignore' });
  if (status !== 0) throw new Error('NestJS could not be installed');
  return benchGet(options);
}

const nestjsFolder = fileURLToPath(new URL('peers/nestjs/', import.meta.url));

function goalsOf(depth: number, contests: readonly Contest[]): Goal[] {
  const of = (name: string) => contests.find((contest) => contest.name === name)?.results ?? [];
  const beside = (key: keyof Result, name: string, atMost: number): Goal => ({
    text: `${names[key] ?? key} beside ${name}`,
    ratio: ratioOf(key, of(worker.name), of(name)),
    atMost,
  });
  if (depth === 1) return [beside('p50Micros', bareLoop.name, 1.15)];
  const goals = [
    beside('allMicros', bareSockets.name, 1.1),
    beside('allMicros', bareLoop.name, 0.75),
    beside('cpuMicros', bareSockets.name, 1.25),
    beside('cpuMicros', bareLoop.name, 0.6),
    beside('redisMicros', bareSockets.name, 1.3),
  ];
  if (of(nestjs.name).length > 0) goals.push(beside('cpuMicros', nestjs.name, 0.25));
  return depth === 64 ? [...goals, beside('p99Micros', bareLoop.name, 1)] : goals;
}

const names: Partial<Record<keyof Result, string>> = {
  cpuMicros: 'CPU',
  allMicros: 'CPU of worker, Redis and broker',
  redisMicros: 'CPU of Redis',
  p50Micros: 'p50',
  p99Micros: 'p99',
};
