import type { Usage } from './contender.ts';
import { type BenchOptions, withContenders, worker } from './contest.ts';
import { type Section, type Spread, spreadOf } from './table.ts';

const inFlight = 256;
const parts = 8;

/** The usage of a worker process: its start, and its memory over many requests. */
export async function benchProcess(options: BenchOptions): Promise<Section[]> {
  return [await startSection(options), await memorySection(options)];
}

/** The usage is read a moment after `ready` is printed, so it is a little more than that of the start. */
async function startSection({ quick, progress }: BenchOptions): Promise<Section> {
  const usages: Usage[] = [];
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    const started = { ...worker, seed: 'ready answers' as const };
    usages.push(
      ...(await withContenders([started], progress, ([running]) =>
        Promise.all(running ? [running.usage()] : []),
      )),
    );
  }
  const cpu = spreadOf(usages.map(({ cpuMicros }) => cpuMicros / 1000));
  const peak = spreadOf(usages.map(({ peakMegabytes }) => peakMegabytes));
  const resident = spreadOf(usages.map(({ residentMegabytes }) => residentMegabytes));
  const loaded = usages.filter(({ hasLoadedSdk }) => hasLoadedSdk).length;
  return {
    title: 'start until ready',
    columns: ['CPU ms', 'resident MB', 'peak MB'],
    rows: [{ name: worker.name, figures: [cpu, resident, peak] }],
    goals: [
      { text: 'CPU in milliseconds', ratio: cpu, atMost: 300 },
      { text: 'MB when ready', ratio: resident, atMost: 75 },
      { text: 'starts that loaded the AWS SDK', ratio: exactly(loaded), atMost: 0 },
    ],
  };
}

async function memorySection({ quick, progress }: BenchOptions): Promise<Section> {
  const requests = quick ? 40_000 : 1_000_000;
  const samples = await withContenders([worker], progress, async ([running], load) => {
    if (running === undefined) throw new Error('the worker is missing');
    const { brokerPort: port, contacts } = running;
    const taken: { requests: number; usage: Usage }[] = [];
    for (let done = 0, sample = 1; done < requests; sample++) {
      while (done < (requests * sample) / parts) {
        progress(`${done} of ${requests} requests, ${inFlight} in flight`);
        done += (await load.run({ port, contacts, kind: 'get', inFlight, milliseconds: 500 })).requests;
      }
      taken.push({ requests: done, usage: await running.usage() });
    }
    return taken;
  });
  const peak = samples.at(-1)?.usage.peakMegabytes ?? Number.NaN;
  const peakGoal = { text: 'peak in MB', ratio: exactly(peak), atMost: 130 };
  const text = 'MB more for each 100,000 requests, in the second half';
  const slopeGoal = { text, ratio: exactly(slope(samples)), atMost: 0.5 };
  return {
    title: `memory, get, ${inFlight} in flight`,
    columns: ['resident MB', 'peak MB'],
    rows: samples.map(({ requests: count, usage }) => ({
      name: `after ${count.toLocaleString('en')} requests`,
      figures: [exactly(usage.residentMegabytes), exactly(usage.peakMegabytes)],
    })),
    // The heap of a short run has not reached its size yet.
    goals: quick ? [peakGoal] : [peakGoal, slopeGoal],
  };
}

/** Megabytes for 100,000 requests by least squares over the second half, when the heap has reached its size. */
function slope(samples: readonly { requests: number; usage: Usage }[]): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = half.map(({ requests }) => requests / 100_000);
  const y = half.map(({ usage }) => usage.residentMegabytes);
  const [meanX, meanY] = [mean(x), mean(y)];
  const covariance = mean(x.map((value, index) => (value - meanX) * ((y[index] ?? 0) - meanY)));
  return covariance / mean(x.map((value) => (value - meanX) ** 2));
}

const exactly = (value: number): Spread => ({ median: value, low: value, high: value });
