import type { WorkerNumbers, Workers } from '../../../dev/page/shapes.ts';

/** The counters of all workers at a moment. */
export interface Sample {
  readonly atMs: number;
  readonly workers: Workers;
}

/** The drawn values of a moment. `null` where there is no value. */
export interface Moment {
  readonly atMs: number;
  /** By worker, in the order of their names. */
  readonly perSecond: readonly (number | null)[];
  readonly inFlight: readonly (number | null)[];
  /** Milliseconds within which half, and 95 of a hundred, of the requests were answered. */
  readonly median: number | null;
  readonly p95: number | null;
}

type Numbers = NonNullable<WorkerNumbers['numbers']>;

/** Compares two samples and returns the rates between them. */
export function momentBetween(earlier: Sample | undefined, later: Sample): Moment {
  const past = new Map(earlier?.workers.map(({ name, numbers }) => [name, numbers]));
  const seconds = earlier === undefined ? 0 : (later.atMs - earlier.atMs) / 1000;
  const pairs = later.workers.map(({ name, numbers }) => ({ now: numbers, before: past.get(name) }));
  const durations = sumOfDurations(pairs);
  return {
    atMs: later.atMs,
    perSecond: pairs.map(({ now, before }) =>
      now === undefined || before === undefined || seconds === 0
        ? null
        : grown(now.requests, before.requests) / seconds,
    ),
    inFlight: pairs.map(({ now }) => now?.inFlight ?? null),
    median: quantile(durations, 0.5),
    p95: quantile(durations, 0.95),
  };
}

/** A counter that is smaller than before was restarted. */
function grown(now: number, before: number): number {
  return now < before ? now : now - before;
}

type Durations = readonly { readonly atMostSeconds: number; readonly count: number }[];

/** How many requests of all workers took at most this long, between the samples. */
function sumOfDurations(
  pairs: readonly { now: Numbers | undefined; before: Numbers | undefined }[],
): Durations {
  const sums = new Map<number, number>();
  for (const { now, before } of pairs) {
    if (now === undefined || before === undefined) continue;
    const past = new Map(before.durations.map(({ atMostSeconds, count }) => [atMostSeconds, count]));
    for (const { atMostSeconds, count } of now.durations) {
      const more = grown(count, past.get(atMostSeconds) ?? 0);
      sums.set(atMostSeconds, (sums.get(atMostSeconds) ?? 0) + more);
    }
  }
  return [...sums]
    .sort(([one], [other]) => one - other)
    .map(([atMostSeconds, count]) => ({ atMostSeconds, count }));
}

/** In milliseconds, interpolated in its bucket, as Prometheus does it. */
export function quantile(durations: Durations, part: number): number | null {
  const all = durations.at(-1)?.count ?? 0;
  if (all === 0) return null;
  const rank = part * all;
  const index = durations.findIndex(({ count }) => count >= rank);
  const bucket = durations[index];
  const below = durations[index - 1] ?? { atMostSeconds: 0, count: 0 };
  if (bucket === undefined) return null;
  // Beyond the last bound the exact value is unknown.
  if (index === durations.length - 1) return below.atMostSeconds * 1000;
  const share = (rank - below.count) / (bucket.count - below.count);
  return (below.atMostSeconds + share * (bucket.atMostSeconds - below.atMostSeconds)) * 1000;
}
