// The process of the phones, separate from the benchmark's own, so that its usage counts for nobody.
import { Phone } from './phone.ts';
import {
  clientOf,
  type Kind,
  MAX_IN_FLIGHT,
  MAX_PHONES,
  phoneOf,
  STORED_TIME,
  seedOf,
  type Workload,
  workloadOf,
} from './workloads.ts';

/** The commands of the process: store each phone's profile, or let phones send requests for a time. */
export type LoadOrder = { readonly port: number; readonly contacts: number } & (
  | { readonly kind: 'seed' }
  | {
      readonly kind: Kind;
      readonly inFlight: number;
      /** The index of the first phone that sends requests; default 0. */
      readonly first?: number;
      readonly milliseconds: number;
      /** Of MQTT; default 4, which is 3.1.1. */
      readonly version?: 4 | 5;
    }
);

/** The reply of the process; latencies are from the phone's publish to its answer. */
export type LoadReport = LoadResult | { readonly error: string };

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

/** Longer than any answer takes, even while the machine is busy with other things. */
const SILENCE_MS = 15_000;

/** Large profiles of all phones at once would be more than a broker accepts. */
const SEEDED_AT_ONCE = 32;

/** By broker and index. */
const connected = new Map<string, Promise<Phone>>();

/** Phones stay connected from one round to the next. */
function phoneAt(port: number, index: number): Promise<Phone> {
  const name = `${port} ${index}`;
  const version = index < MAX_IN_FLIGHT ? 4 : 5;
  const phone = connected.get(name) ?? Phone.connect(port, clientOf(index), { time: STORED_TIME, version });
  connected.set(name, phone);
  return phone;
}

async function work(order: LoadOrder): Promise<LoadResult> {
  const { port, contacts } = order;
  if (order.kind === 'seed') {
    for (let first = 0; first < MAX_PHONES; first += SEEDED_AT_ONCE) {
      await measure(port, { first, count: SEEDED_AT_ONCE, milliseconds: 0 }, (phone) =>
        seedOf(phone, contacts),
      );
    }
    return { requests: MAX_PHONES, seconds: 0, p50Micros: 0, p99Micros: 0 };
  }
  const { kind, inFlight: count, version, milliseconds } = order;
  const first = (order.first ?? 0) + (version === 5 ? MAX_IN_FLIGHT : 0);
  return measure(port, { first, count, milliseconds }, (phone) => workloadOf(kind, phone, contacts));
}

/** Each phone sends requests until the time is over, at least once. */
async function measure(
  port: number,
  { first, count, milliseconds }: { first: number; count: number; milliseconds: number },
  workloadFor: (phone: string) => Workload,
): Promise<LoadResult> {
  const places = Array.from({ length: count }, (_, index) => first + index);
  const phones = await Promise.all(places.map((index) => phoneAt(port, index)));
  const workloads = places.map((index) => workloadFor(phoneOf(index)));
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + milliseconds;
  const asking = phones.map(async (phone, index) => {
    const workload = workloads[index];
    if (workload === undefined) return;
    await phone.ask(workload, (micros) => {
      latencies.push(micros);
      return performance.now() < end;
    });
  });
  await withinPatience(Promise.all(asking), milliseconds + SILENCE_MS);
  const seconds = (performance.now() - start) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const part = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { requests: sorted.length, seconds, p50Micros: part(0.5), p99Micros: part(0.99) };
}

async function withinPatience<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const error = new Error('a request was not answered');
    timer = setTimeout(() => reject(error), milliseconds);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

process.on('message', (order: LoadOrder) => {
  work(order).then(
    (result: LoadReport) => process.send?.(result),
    (error: Error) => process.send?.({ error: error.message } satisfies LoadReport),
  );
});

process.on('disconnect', () => process.exit());
