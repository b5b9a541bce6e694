import { fileURLToPath } from 'node:url';
import { type Contender, type Load, type RunningContender, startContender, startLoad } from './contender.ts';
import { type Contest, type Effort, measureRounds, type Progress, type Task } from './rounds.ts';

/** The options of every benchmark. */
export interface BenchOptions {
  /** Few and short rounds, to check that everything works; the figures are rough. */
  readonly quick: boolean;
  /** Other builds of the worker to measure beside this one, by name. */
  readonly builds: ReadonlyMap<string, string>;
  readonly progress: Progress;
}

export const worker: Contender = {
  name: 'worker',
  program: fileURLToPath(new URL('../dist/main.js', import.meta.url)),
  seed: 'requests',
};

export const bareLoop: Contender = {
  name: 'bare loop',
  program: fileURLToPath(new URL('peers/bare-loop.mjs', import.meta.url)),
  seed: 'ready answers',
};

/** The same loop for changes. */
export const bareChanges: Contender = {
  name: 'bare changes',
  program: fileURLToPath(new URL('peers/bare-changes.mjs', import.meta.url)),
  seed: 'ready changes',
};

/** The protocols of Mosquitto and Redis by hand. */
export const bareSockets: Contender = {
  name: 'bare sockets',
  program: fileURLToPath(new URL('peers/bare-sockets.mjs', import.meta.url)),
  seed: 'ready answers',
};

export const nestjs: Contender = {
  name: 'NestJS',
  program: fileURLToPath(new URL('peers/nestjs/main.mjs', import.meta.url)),
  seed: 'ready answers',
};

function effortOf({ quick }: BenchOptions): Effort {
  return quick
    ? { warmUpRequests: 20_000, rounds: 5, milliseconds: 300 }
    : { warmUpRequests: 60_000, rounds: 21, milliseconds: 1_000 };
}

/** This worker, and the other builds of it. */
export function workers({ builds }: BenchOptions): Contender[] {
  return [worker, ...[...builds].map(([name, program]): Contender => ({ ...worker, name, program }))];
}

/** Runs contenders and phones while `use` runs. */
export async function withContenders<T>(
  contenders: readonly Contender[],
  progress: Progress,
  use: (running: readonly RunningContender[], load: Load) => Promise<T>,
): Promise<T> {
  const load = startLoad();
  const running: RunningContender[] = [];
  try {
    for (const contender of contenders) {
      progress(`starting: ${contender.name}`);
      running.push(await startContender(contender, load));
    }
    return await use(running, load);
  } finally {
    for (const contender of running.reverse()) await contender.stop();
    await load.stop();
  }
}

/** Measures the tasks in turn. @returns the results of each, in the order of the tasks. */
export async function measureContests(
  tasks: readonly Task[],
  load: Load,
  options: BenchOptions,
): Promise<(Contest & { readonly task: Task })[]> {
  const results = await measureRounds(tasks, load, { effort: effortOf(options), progress: options.progress });
  return tasks.map((task) => ({ task, name: task.contender.name, results: results.get(task) ?? [] }));
}
