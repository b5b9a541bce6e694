import { type BenchOptions, effortOf, withContenders, workers } from './contest.ts';
import { measureRounds, sectionOf, type Task } from './rounds.ts';
import type { Section } from './table.ts';
import type { Kind } from './workloads.ts';

const kinds: readonly Kind[] = ['get', 'set', 'update'];

const inFlight = 64;

/** What a change costs beside a `get` of the same profile, which has no contacts to be told. */
export function benchChanges(options: BenchOptions): Promise<Section[]> {
  return withContenders(workers(options), options.progress, async (running, load) => {
    const tasks = running.flatMap((contender) => kinds.map((kind): Task => ({ contender, kind, inFlight })));
    const results = await measureRounds(tasks, load, {
      effort: effortOf(options),
      progress: options.progress,
    });
    return running.map((contender) => {
      const contests = tasks
        .filter((task) => task.contender === contender)
        .map((task) => ({ name: task.kind, results: results.get(task) ?? [] }));
      const [reference] = contests;
      if (reference === undefined) throw new Error('nothing was measured');
      return sectionOf(`changes, ${inFlight} in flight: ${contender.name}`, { contests, reference });
    });
  });
}
