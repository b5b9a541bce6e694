/** The memory and handles of a worker at one moment. */
export interface WorkerSample {
  readonly residentBytes: number;
  /** Includes young garbage: only its lowest values show the memory that is kept. */
  readonly heapBytes: number;
  readonly handles: number;
  readonly descriptors: number;
}

/** The values of all parts at one moment. */
export interface Sample {
  readonly seconds: number;
  readonly workers: readonly WorkerSample[];
  readonly redisBytes: number;
  readonly keys: number;
  /** Keys without a time to live. */
  readonly lastingKeys: number;
}

/** The course of a figure after the start phase: its middle third beside its last. */
export interface Trend {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  /** Of the least squares through both thirds, an hour. */
  readonly slopePerHour: number;
  /** Highest `after` that counts as flat. */
  readonly limit: number;
}

const MB = 2 ** 20;

/** How much a value may rise before it counts as growth: measuring is not exact, and memory is allocated in pieces. */
const allowances = {
  heap: { share: 0.1, more: 6 * MB },
  resident: { share: 0.1, more: 16 * MB },
  handles: { share: 0, more: 2 },
  descriptors: { share: 0, more: 2 },
  lastingKeys: { share: 0.005, more: 5 },
} as const;

/** The trends of a run: for each worker its memory and handles, and the keys in Redis without an expiry. */
export function trendsOf(samples: readonly Sample[]): Trend[] {
  const workers = samples[0]?.workers.length ?? 0;
  const ofWorkers = Array.from({ length: workers }, (_, index) => {
    const read = (figure: keyof WorkerSample) => (sample: Sample) =>
      sample.workers[index]?.[figure] ?? Number.NaN;
    const name = (what: string): string => `worker ${index + 1}, ${what}`;
    return [
      trend(name('heap, bytes'), samples, read('heapBytes'), { of: lowest, allowance: allowances.heap }),
      trend(name('resident, bytes'), samples, read('residentBytes'), {
        of: median,
        allowance: allowances.resident,
      }),
      trend(name('handles'), samples, read('handles'), { of: median, allowance: allowances.handles }),
      trend(name('descriptors'), samples, read('descriptors'), {
        of: median,
        allowance: allowances.descriptors,
      }),
    ];
  });
  const keys = trend('keys without a time to live', samples, ({ lastingKeys }) => lastingKeys, {
    of: median,
    allowance: allowances.lastingKeys,
  });
  return [...ofWorkers.flat(), keys];
}

/** Whether it has not grown; an unmeasured one has. */
export function isFlat({ after, limit }: Trend): boolean {
  return after <= limit;
}

function trend(
  name: string,
  samples: readonly Sample[],
  read: (sample: Sample) => number,
  { of, allowance }: { of: (values: number[]) => number; allowance: { share: number; more: number } },
): Trend {
  const third = Math.floor(samples.length / 3);
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)];
  const before = of(middle.map(read));
  const after = of(last.map(read));
  const settled = [...middle, ...last].map((sample) => ({ x: sample.seconds / 3600, y: read(sample) }));
  return {
    name,
    before,
    after,
    slopePerHour: slopeOf(settled),
    limit: before * (1 + allowance.share) + allowance.more,
  };
}

function lowest(values: number[]): number {
  return values.length === 0 ? Number.NaN : Math.min(...values);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

/** Of the least squares. */
function slopeOf(points: readonly { x: number; y: number }[]): number {
  const mean = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const covariance = mean((point) => (point.x - x) * (point.y - y));
  return covariance / mean((point) => (point.x - x) ** 2);
}
