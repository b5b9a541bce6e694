import { type BenchOptions, effortOf, withContenders, workers } from './contest.ts';
import { measureRounds, ratioOf, sectionOf, type Task } from './rounds.ts';
import type { Goal, Section } from './table.ts';
import type { Kind } from './workloads.ts';

const kinds: readonly Kind[] = ['get', 'set', 'update', 'email'];

const inFlight = 64;

/** The cost of `set`, `update` and `email` beside a `get` of the same profile, which has no contacts to notify. */
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
      const goals = contests.slice(1).map(
        ({ name, results: ours }): Goal => ({
          text: `CPU of ${name} beside get`,
          ratio: ratioOf('cpuMicros', ours, reference.results),
          atMost: 1.5,
        }),
      );
      return sectionOf(`changes, ${inFlight} in flight: ${contender.name}`, { contests, reference }, goals);
    });
  });
}
