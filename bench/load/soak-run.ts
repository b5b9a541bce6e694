import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestKind } from '../../src/handlers/index.ts';
import { LoadGenerator, type StepResult } from './generator.ts';
import type { Mix } from './mix.ts';
import { Population } from './population.ts';
import { isFlat, type Sample, type Trend, trendsOf } from './steadiness.ts';
import { type System, type SystemOptions, startSystem } from './system.ts';
import { infoNumber, metric, scrape } from './usage.ts';

export interface SoakOptions extends SystemOptions {
  readonly workers: number;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly phones: number;
  readonly mix: Mix;
  /** How often the values are read. */
  readonly sampleMs: number;
  readonly progress: (text: string) => void;
}

export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly trends: readonly Trend[];
  readonly load: StepResult;
  /** The faults, one on each line; empty if all is well. */
  readonly problems: readonly string[];
}

const friends = 8;

/** Sends requests at one rate for long, and checks whether anything grows. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const system = await startSystem(options.workers, options);
  const { broker, redis, codeFor } = system;
  const samples: Sample[] = [];
  let population: Population | undefined;
  try {
    population = await Population.connect({
      broker,
      redis,
      people: options.phones,
      friends,
      qos: 2,
      codeFor,
    });
    const generator = new LoadGenerator(population);
    await generator.seed();
    const over = new AbortController();
    const sampling = sampleUntil(over.signal, system, options.sampleMs, samples);
    const { rate, seconds, mix, progress } = options;
    const load = await generator
      .run({ rate, durationMs: seconds * 1000, arrivals: 'poisson', mix }, progress)
      .finally(() => over.abort());
    await sampling;
    population.leave();
    await system.stop();
    const trends = trendsOf(samples);
    return { samples, trends, load, problems: [...problemsOf(load, trends, mix), ...system.failed()] };
  } finally {
    population?.leave();
    await system.stop();
  }
}

interface Counts extends Pick<StepResult, 'offered' | 'answered' | 'wrong' | 'results'> {
  readonly latencyByKind: ReadonlyMap<RequestKind, unknown>;
}

/** What is wrong with a run; each kind of the mix is to be answered. */
export function problemsOf(load: Counts, trends: readonly Trend[], mix: Mix): string[] {
  const { offered, answered, wrong, results, latencyByKind } = load;
  const missing = [...mix].filter(([kind, weight]) => weight > 0 && !latencyByKind.has(kind));
  return [
    ...trends
      .filter((trend) => !isFlat(trend))
      .map(({ name, before, after }) => `${name}: ${before} → ${after}`),
    ...(offered > answered ? [`${offered - answered} requests were not answered`] : []),
    ...(wrong > 0
      ? [`${wrong} answers were wrong: ${[...results].map((entry) => entry.join(' ')).join(', ')}`]
      : []),
    ...missing.map(([kind]) => `no ${kind} was answered`),
  ];
}

async function sampleUntil(
  over: AbortSignal,
  system: System,
  everyMs: number,
  samples: Sample[],
): Promise<void> {
  const start = performance.now();
  while (!over.aborted) {
    samples.push(await sample(system, (performance.now() - start) / 1000));
    await sleep(everyMs, undefined, { signal: over }).catch(() => undefined);
  }
}

async function sample({ httpPorts, redis }: System, seconds: number): Promise<Sample> {
  const workers = await Promise.all(
    httpPorts.map(async (port) => {
      const text = await scrape(port);
      return {
        residentBytes: metric(text, 'process_resident_memory_bytes'),
        heapBytes: metric(text, 'nodejs_heap_size_used_bytes'),
        handles: metric(text, 'nodejs_active_handles'),
        descriptors: metric(text, 'process_open_fds'),
      };
    }),
  );
  const info = await redis.info();
  const [, keys = 0, expiring = 0] = (/^db0:keys=(\d+),expires=(\d+)/m.exec(info) ?? []).map(Number);
  return {
    seconds,
    workers,
    redisBytes: infoNumber(info, 'used_memory'),
    keys,
    lastingKeys: keys - expiring,
  };
}
