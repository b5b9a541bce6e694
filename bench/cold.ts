import type { Load, RunningContender } from './contender.ts';
import { type BenchOptions, bareLoop, bareSockets, withContenders, workers } from './contest.ts';
import type { Progress } from './rounds.ts';
import { type Section, spreadOf } from './table.ts';

const inFlight = 64;

/** How many requests count as the first, and from which on a process counts as warm. */
const [first, warm] = [50_000, 60_000];

/** What the first requests after a start cost beside later ones; the processes alone. */
export function benchCold(options: BenchOptions): Promise<Section[]> {
  const { quick, progress } = options;
  const contenders = [bareLoop, bareSockets, ...workers(options)];
  return withContenders(contenders, progress, async (running, load) => {
    const results = running.map(({ name }) => ({ name, cold: [] as number[], steady: [] as number[] }));
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      for (const [index, contender] of running.entries()) {
        const { cold, steady } = await measure(contender, load, progress);
        results[index]?.cold.push(cold);
        results[index]?.steady.push(steady);
      }
    }
    const rows = results.map(({ name, cold, steady }) => {
      const ratio = spreadOf(cold.map((micros, round) => micros / (steady[round] ?? Number.NaN)));
      return { name, figures: [spreadOf(cold), spreadOf(steady), ratio] };
    });
    const goals = rows.slice(2).map(({ name, figures: [, , ratio] }) => ({
      text: `CPU of the first ${first.toLocaleString('en')} beside later ones: ${name}`,
      ratio: ratio ?? spreadOf([]),
      atMost: 1.25,
    }));
    return [
      {
        title: `get, ${inFlight} in flight, after a start`,
        columns: ['first µs', 'later µs', 'ratio'],
        rows,
        goals,
      },
    ];
  });
}

async function measure(contender: RunningContender, load: Load, progress: Progress) {
  await contender.restart();
  const { brokerPort: port, contacts } = contender;
  const run = async (until: number, from: number): Promise<{ micros: number; done: number }> => {
    const before = await contender.usage();
    let done = from;
    while (done < until) {
      progress(`${contender.name}: ${done} requests since its start`);
      done += (await load.run({ port, contacts, kind: 'get', inFlight, milliseconds: 300 })).requests;
    }
    const after = await contender.usage();
    return { micros: (after.cpuMicros - before.cpuMicros) / (done - from), done };
  };
  const cold = await run(first, 0);
  const { done } = await run(Math.max(warm, cold.done), cold.done);
  const { micros: steady } = await run(done + warm / 3, done);
  return { cold: cold.micros, steady };
}
