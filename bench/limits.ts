import { type BenchOptions, measureContests, withContenders, worker } from './contest.ts';
import { ratioOf, sectionOf, type Task } from './rounds.ts';
import type { Section } from './table.ts';

const inFlight = 64;

/** The cost of counting each client's requests. */
export function benchLimits(options: BenchOptions): Promise<Section[]> {
  const off = { ...worker, name: 'limits off', settings: { CLIENT_RATE: '0' } };
  return withContenders([off, worker], options.progress, async (running, load) => {
    const tasks = running.map((contender): Task => ({ contender, kind: 'get', inFlight }));
    const contests = await measureContests(tasks, load, options);
    const [reference, ours] = contests;
    if (reference === undefined || ours === undefined) throw new Error('a contender is missing');
    const ratio = ratioOf('cpuMicros', ours.results, reference.results);
    const goal = { text: 'CPU beside no limits', ratio, atMost: 1.03 };
    return [sectionOf(`get, ${inFlight} in flight, limits`, { contests, reference }, [goal])];
  });
}
