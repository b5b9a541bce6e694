import type { Contender } from './contender.ts';
import { type BenchOptions, measureContests, withContenders, worker } from './contest.ts';
import { ratioOf, sectionOf, type Task } from './rounds.ts';
import type { Section } from './table.ts';

/** For each worker: with less load, each turn of its event loop would serve fewer requests. */
const inFlight = 64;

/** The cost of a `get` with more workers, and with more profiles in Redis. */
export function benchGrowth(options: BenchOptions): Promise<Section[]> {
  const others = options.quick ? 50_000 : 1_000_000;
  const contenders: Contender[] = [
    { ...worker, name: '1 worker' },
    { ...worker, name: '2 workers', processes: 2 },
    { ...worker, name: '4 workers', processes: 4 },
    { ...worker, name: `${others.toLocaleString('en')} profiles`, others },
  ];
  return withContenders(contenders, options.progress, async (running, load) => {
    const tasks = running.map((contender, index): Task => {
      const processes = contenders[index]?.processes ?? 1;
      return { contender, kind: 'get', inFlight: inFlight * processes };
    });
    const contests = await measureContests(tasks, load, options);
    const [one, two, four, many] = contests;
    if (one === undefined || two === undefined || four === undefined || many === undefined)
      throw new Error('a contender is missing');
    const goal = (text: string, { results: ours }: typeof one, atMost: number) => ({
      text,
      ratio: ratioOf('cpuMicros', ours, one.results),
      atMost,
    });
    const goals = [
      goal('CPU a request with 2 workers beside 1', two, 1.1),
      goal('CPU a request with 4 workers beside 1', four, 1.1),
      goal('CPU a request with many profiles beside few', many, 1.05),
    ];
    return [
      sectionOf(`growth, get, ${inFlight} in flight for each worker`, { contests, reference: one }, goals),
    ];
  });
}
