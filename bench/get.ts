import { type BenchOptions, bareLoop, effortOf, withContenders, workers } from './contest.ts';
import { measureRounds, type Result, ratioOf, sectionOf, type Task } from './rounds.ts';
import type { Goal, Section } from './table.ts';

const depths = [1, 64, 256];

/**
 * `get` from phone to phone, over broker and Redis: the worker beside a loop of the same libraries that checks nothing.
 * One request in flight shows the latency, many show the work.
 */
export function benchGet(options: BenchOptions): Promise<Section[]> {
  return withContenders([bareLoop, ...workers(options)], options.progress, async (running, load) => {
    const tasks = depths.flatMap((inFlight) =>
      running.map((contender): Task => ({ contender, kind: 'get', inFlight })),
    );
    const results = await measureRounds(tasks, load, {
      effort: effortOf(options),
      progress: options.progress,
    });
    return depths.map((depth) => {
      const contests = tasks
        .filter(({ inFlight }) => inFlight === depth)
        .map((task) => ({ name: task.contender.name, results: results.get(task) ?? [] }));
      const [reference, ours] = contests;
      if (reference === undefined || ours === undefined) throw new Error('a contender is missing');
      const title = `get, ${depth} in flight`;
      return sectionOf(title, { contests, reference }, goalsOf(depth, ours.results, reference.results));
    });
  });
}

function goalsOf(depth: number, ours: readonly Result[], bare: readonly Result[]): Goal[] {
  const cpu = { text: 'CPU beside the bare loop', ratio: ratioOf('cpuMicros', ours, bare), atMost: 0.75 };
  const p50 = { text: 'p50 beside the bare loop', ratio: ratioOf('p50Micros', ours, bare), atMost: 1.15 };
  const p99 = { text: 'p99 beside the bare loop', ratio: ratioOf('p99Micros', ours, bare), atMost: 1 };
  if (depth === 1) return [p50];
  return depth === 64 ? [cpu, p99] : [cpu];
}
