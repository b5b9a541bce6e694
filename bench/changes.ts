import {
  type BenchOptions,
  bareChanges,
  measureContests,
  withContenders,
  worker,
  workers,
} from './contest.ts';
import { ratioOf, sectionOf, type Task } from './rounds.ts';
import type { Section } from './table.ts';
import type { Kind } from './workloads.ts';

const kinds: readonly Kind[] = ['set', 'update', 'email'];

const inFlight = 64;

/**
 * `set`, `update` and a refused `email`, of a profile without contacts, beside a loop that reads and writes the same, and keeps
 * the same record of what is done.
 */
export function benchChanges(options: BenchOptions): Promise<Section[]> {
  return withContenders([bareChanges, ...workers(options)], options.progress, async (running, load) => {
    const tasks = kinds.flatMap((kind) => running.map((contender): Task => ({ contender, kind, inFlight })));
    const all = await measureContests(tasks, load, options);
    return kinds.map((kind) => {
      const contests = all.filter(({ task }) => task.kind === kind);
      const [reference] = contests;
      const ours = contests.find(({ name }) => name === worker.name);
      if (reference === undefined || ours === undefined) throw new Error('a contender is missing');
      const goals = (['cpuMicros', 'allMicros'] as const).map((key) => ({
        text: `${key === 'cpuMicros' ? 'CPU' : 'CPU of all'} beside ${reference.name}`,
        ratio: ratioOf(key, ours.results, reference.results),
        atMost: 0.8,
      }));
      return sectionOf(`${kind}, ${inFlight} in flight`, { contests, reference }, goals);
    });
  });
}
