import type { Load, RunningContender } from './contender.ts';
import { type Goal, type Row, type Section, type Spread, spreadOf } from './table.ts';
import type { Kind } from './workloads.ts';

/** The duration of the measuring. */
export interface Effort {
  /** So many requests of each kind a contender serves before it is measured: V8 compiles what it runs often, and gathers its heap. */
  readonly warmUpRequests: number;
  readonly rounds: number;
  /** Of each task in a round. */
  readonly milliseconds: number;
}

/** One part of a round. */
export interface Task {
  readonly contender: RunningContender;
  readonly kind: Kind;
  readonly inFlight: number;
  /** Of the phones' MQTT: 4 is 3.1.1, which is the default. */
  readonly version?: 4 | 5;
}

/** The result of a task in one round. */
export interface Result {
  /** User and system time of all the process's threads, for one request. */
  readonly cpuMicros: number;
  /** The same of Redis, of the broker, and of all of them together. */
  readonly redisMicros: number;
  readonly brokerMicros: number;
  readonly allMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly requestsPerSecond: number;
  /** Since the process was started, so it never falls. */
  readonly peakMegabytes: number;
}

export type Progress = (text: string) => void;

/**
 * Measures tasks side by side: each once in every round, every other round in the opposite order, so that other load
 * of the machine affects all alike. Usage is read before and after, while the contender is idle.
 *
 * The rounds are many and short, because a contender must never be idle for long: after some eight seconds V8
 * releases memory for young objects, and collects garbage far more often for a while after that.
 * @returns the results of each task, one for each round.
 */
export async function measureRounds(
  tasks: readonly Task[],
  load: Load,
  { effort, progress }: { effort: Effort; progress: Progress },
): Promise<Map<Task, Result[]>> {
  const results = new Map<Task, Result[]>(tasks.map((task) => [task, []]));
  await warmUp(tasks, load, { effort, progress });
  for (let round = 1; round <= effort.rounds; round++) {
    for (const task of round % 2 === 0 ? tasks.toReversed() : tasks) {
      progress(`round ${round} of ${effort.rounds}: ${textOf(task)}`);
      results.get(task)?.push(await measure(task, load, effort.milliseconds));
    }
  }
  return results;
}

/** In turns, so that nobody is idle for long. Stops early on a machine that has little to give. */
async function warmUp(
  tasks: readonly Task[],
  load: Load,
  { effort, progress }: { effort: Effort; progress: Progress },
): Promise<void> {
  const cold = new Map<string, { task: Task; requests: number }>();
  for (const task of tasks) cold.set(`${task.contender.name} ${task.kind}`, { task, requests: 0 });
  for (let turn = 0; turn < maxWarmUpTurns && cold.size > 0; turn++) {
    for (const [name, each] of cold) {
      progress(`warming up: ${name}, ${each.requests} requests`);
      const { contender, kind, inFlight, version = 4 } = each.task;
      const order = { port: contender.brokerPort, contacts: contender.contacts, kind, inFlight, version };
      each.requests += (await load.run({ ...order, milliseconds: effort.milliseconds })).requests;
      if (each.requests >= effort.warmUpRequests) cold.delete(name);
    }
  }
}

const maxWarmUpTurns = 50;

export async function measure(
  { contender, kind, inFlight, version = 4 }: Task,
  load: Load,
  milliseconds: number,
): Promise<Result> {
  const before = await contender.usage();
  const { requests, seconds, p50Micros, p99Micros } = await load.run({
    port: contender.brokerPort,
    contacts: contender.contacts,
    kind,
    inFlight,
    version,
    milliseconds,
  });
  const after = await contender.usage();
  const of = (key: 'cpuMicros' | 'redisMicros' | 'brokerMicros'): number =>
    (after[key] - before[key]) / requests;
  const [cpuMicros, redisMicros, brokerMicros] = [of('cpuMicros'), of('redisMicros'), of('brokerMicros')];
  return {
    cpuMicros,
    redisMicros,
    brokerMicros,
    allMicros: cpuMicros + redisMicros + brokerMicros,
    p50Micros,
    p99Micros,
    requestsPerSecond: requests / seconds,
    peakMegabytes: after.peakMegabytes,
  };
}

function textOf({ contender, kind, inFlight }: Task): string {
  return `${contender.name}, ${kind}, ${inFlight} in flight`;
}

const columns = {
  'CPU µs': 'cpuMicros',
  'Redis µs': 'redisMicros',
  'broker µs': 'brokerMicros',
  'all µs': 'allMicros',
  'p50 µs': 'p50Micros',
  'p99 µs': 'p99Micros',
  'requests/s': 'requestsPerSecond',
  'peak MB': 'peakMegabytes',
} as const satisfies Record<string, keyof Result>;

/** The contents of one row of a table. */
export interface Contest {
  readonly name: string;
  readonly results: readonly Result[];
}

/** A table of some contests, each beside `reference`. */
export function sectionOf(
  title: string,
  { contests, reference }: { contests: readonly Contest[]; reference: Contest },
  goals: readonly Goal[] = [],
): Section {
  return {
    title,
    columns: [...Object.keys(columns), `CPU : ${reference.name}`, `all : ${reference.name}`],
    rows: contests.map(({ name, results }): Row => {
      const figures = Object.values(columns).map((key) => spreadOf(results.map((result) => result[key])));
      const ratios = (['cpuMicros', 'allMicros'] as const).map((key) =>
        ratioOf(key, results, reference.results),
      );
      return { name, figures: [...figures, ...ratios] };
    }),
    goals,
  };
}

/** Compares a figure with another's, round by round, which cancels other load of the machine. */
export function ratioOf(key: keyof Result, ours: readonly Result[], theirs: readonly Result[]): Spread {
  return spreadOf(ours.map((result, round) => result[key] / (theirs[round]?.[key] ?? Number.NaN)));
}
