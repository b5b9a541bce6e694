import { z } from 'zod';
import type { RequestKind } from '../../src/records/profile.ts';
import { kinds } from '../crowd/mix.ts';

/** What is not known: between which values it lies, and where most likely. A bare number is known. */
const range = z.union([
  z.number().nonnegative(),
  z
    .tuple([z.number().nonnegative(), z.number().nonnegative(), z.number().nonnegative()])
    .refine(([low, likely, high]) => low <= likely && likely <= high, 'is not low ≤ likely ≤ high'),
]);

const shape = {
  phones: range,
  /** Part of the phones that are connected at the busiest time. */
  connectedShare: range,
  /** The busiest minute beside the mean of the day. */
  peakFactor: range,
  /** Of a phone, and which part of them has it in their roster too. */
  contacts: range,
  mutualShare: range,
  /** Updates that are told as one; 1 is what the worker does. */
  coalescing: range,
  /** Part of what a contact costs the worker in an `update` that is the publish: it is paid again for each further broker. */
  publishShare: range,
  /** Seconds between two pings of an idle phone. */
  keepaliveSeconds: range,
  /** How fast a core of the cloud is beside the one that was measured on. */
  coreSpeed: range,
  /** Part of a core that is used at the busiest time. */
  utilisation: range,
  /** What TLS adds to the memory of a connection; not measured. */
  tlsConnectionBytes: range,
  /** Phones for one broker, whatever its memory: those of a broker that dies come to the others at once. */
  connectionsPerBroker: range,
  /** Redis: memory of a node in GB, part of it that is filled, replicas of each master, and what fragmentation adds. */
  redisNodeGigabytes: range,
  redisFill: range,
  redisReplicas: range,
  redisFragmentation: range,
  /** Dollars: a core and a GB of memory for an hour, a GB of traffic to phones. */
  coreHourPrice: range,
  gigabyteHourPrice: range,
  trafficGigabytePrice: range,
};

const perDay = z.strictObject(
  Object.fromEntries(kinds.map((kind) => [kind, range])) as Record<RequestKind, typeof range>,
);

const schema = z.strictObject({ ...shape, perDay });

type Range = z.output<typeof range>;
export type Assumptions = z.output<typeof schema>;

/** One possible world: every assumption a number. */
export type World = Readonly<Record<Exclude<keyof Assumptions, 'perDay'>, number>> & {
  /** Requests of a phone. */
  readonly perDay: Readonly<Record<RequestKind, number>>;
};

/** @throws ZodError that names what is wrong. */
export function readAssumptions(json: string): Assumptions {
  return schema.parse(JSON.parse(json));
}

/**
 * Change one assumption: `contacts=20`, `contacts=10..20..60`, `perDay.get=4`.
 * @throws Error for a name that there is none.
 */
export function changeAssumption(assumptions: Assumptions, text: string): Assumptions {
  const [, name = '', value = ''] = /^([\w.]+)=([\d.e+]+)$/.exec(text) ?? [];
  const parts = value.split('..').map(Number);
  const changed = parts.length === 1 ? parts[0] : parts;
  const kind = name.startsWith('perDay.') ? name.slice('perDay.'.length) : undefined;
  const known = kind === undefined ? name in shape : (kinds as readonly string[]).includes(kind);
  if (!known || parts.some(Number.isNaN))
    throw new Error(`--set ${text}: not NAME=NUMBER or NAME=LOW..LIKELY..HIGH`);
  return schema.parse(
    kind === undefined
      ? { ...assumptions, [name]: changed }
      : { ...assumptions, perDay: { ...assumptions.perDay, [kind]: changed } },
  );
}

/** Draw a world. @param random - uniform in [0, 1). */
export function drawWorld(assumptions: Assumptions, random: () => number): World {
  const { perDay: ranges, ...rest } = assumptions;
  const drawAll = <Key extends string>(all: Record<Key, Range>) =>
    Object.fromEntries(Object.entries<Range>(all).map(([name, one]) => [name, draw(one, random)])) as Record<
      Key,
      number
    >;
  return { ...drawAll(rest), perDay: drawAll(ranges) };
}

/** From the triangular distribution. */
function draw(one: Range, random: () => number): number {
  if (typeof one === 'number') return one;
  const [low, likely, high] = one;
  if (low === high) return low;
  const part = random();
  const turn = (likely - low) / (high - low);
  return part < turn
    ? low + Math.sqrt(part * (high - low) * (likely - low))
    : high - Math.sqrt((1 - part) * (high - low) * (high - likely));
}
