/**
 * `npm run simulate -- [--set NAME=VALUE]…`: the resources for a messenger of a hundred million phones, from measured
 * costs and stated assumptions. `--set contacts=20` changes one; `--set contacts=10..20..60` sets lowest, most
 * likely, highest.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkArguments } from '../../dev/arguments.mjs';
import { type Assumption, assumptions as stated } from './assumptions.ts';
import measured from './costs.json' with { type: 'json' };

type Assumptions = Readonly<Record<keyof typeof stated, Assumption>>;
/** One possible world: every assumption a number. */
export type World = Readonly<Record<keyof Assumptions, number>>;
export type Costs = typeof measured;
type Kind = keyof Costs['requests'];
type Part = keyof Costs['requests']['get'];

const SECONDS_A_DAY = 86_400;
const HOURS_A_MONTH = 730;
const GB = 1e9;

/** The resources of a world at its busiest time, by the labels of the table; Infinity where no number is enough. */
export function planFor(world: World, costs: Costs) {
  const load = loadOf(world, costs);
  const { spent, notices, connections, storedGigabytes, trafficGigabytes } = load;
  const forNotices = (part: Part): number => notices * costs.contact[part];
  const coreMicros = 1e6 * world.coreSpeed * world.utilisation;
  const workersFor = (copies: number): number => {
    const publishes = 1 + (copies - 1) * world.publishShare;
    return Math.ceil((spent('workerMicros') + forNotices('workerMicros') * publishes) / coreMicros);
  };
  // More brokers share the phones, but each drops all notices for phones of the others.
  const brokersFor = (strays: number): number => {
    const left = coreMicros - strays * costs.broker.strayNoticeMicros;
    const enough = Math.ceil(Math.max(load.brokerMicros / left, connections / world.connectionsPerBroker));
    return left > 0 ? enough : Number.POSITIVE_INFINITY;
  };
  const [workers, brokers, allBrokers] = [workersFor(1), brokersFor(0), brokersFor(notices)];
  const redisMicros = spent('redisMicros') + forNotices('redisMicros');
  const redisRoom = world.redisNodeGigabytes * world.redisFill;
  const masters = Math.ceil(Math.max(storedGigabytes / redisRoom, redisMicros / coreMicros));

  const monthly = (cores: number, gigabytes: number): number =>
    (cores * world.coreHourPrice + gigabytes * world.gigabyteHourPrice) * HOURS_A_MONTH;
  const nodes = masters * (1 + world.redisReplicas);
  const connectionBytes = costs.broker.connectionBytes + world.tlsConnectionBytes;
  const brokerGigabytes = brokers * world.brokerGigabytes + (connections * connectionBytes) / GB;
  const prices = {
    'workers, $ a month': monthly(workers, workers * world.workerGigabytes),
    'Redis, $ a month': monthly(nodes * world.serverCores, nodes * world.redisNodeGigabytes),
    'Mosquittos, $ a month': monthly(brokers * world.serverCores, brokerGigabytes),
    'traffic, $ a month': trafficGigabytes * world.trafficGigabytePrice,
  };
  return {
    'requests a second, busiest': spent(),
    'notices a second, busiest': notices,
    'phones connected, busiest': connections,
    'workers (a core each)': workers,
    'workers, notices to all brokers': workersFor(allBrokers),
    'Redis, GB of data': storedGigabytes,
    'Redis, commands a second': spent('redisCommands') + forNotices('redisCommands'),
    'Redis, masters': masters,
    Mosquittos: brokers,
    'Mosquittos, notices to all': allBrokers,
    'traffic to phones, TB a month': trafficGigabytes / 1000,
    ...prices,
    'all, $ a month': Object.values(prices).reduce((sum, price) => sum + price),
  };
}

/** The work and the storage: by the second at the busiest time, traffic by the month. */
function loadOf(world: World, costs: Costs) {
  const kinds = Object.keys(costs.requests) as Kind[];
  const perSecond = (kind: Kind): number => (world.phones * world[`perDay.${kind}` as const]) / SECONDS_A_DAY;
  /** The number of requests, or the time of a part for them; without the share of contacts. */
  const spent = (part?: Part): number =>
    kinds.reduce((sum, kind) => sum + perSecond(kind) * (part ? costs.requests[kind][part] : 1), 0) *
    world.peakFactor;
  const meanNotices = (perSecond('update') * world.contacts * world.mutualShare) / world.coalescing;
  const notices = meanNotices * world.peakFactor;
  const connections = world.phones * world.connectedShare;
  const noticeMicros = notices * world.connectedShare * costs.broker.noticeMicros;

  const storedBytes = world.phones * (costs.profile.storedBytes + world.contacts * costs.contact.storedBytes);
  const answers = perSecond('get') + perSecond('set') + perSecond('update');
  const answerBytes = answers * (costs.profile.answerBytes + world.contacts * costs.contact.answerBytes);
  const noticeBytes = meanNotices * world.connectedShare * costs.contact.answerBytes;
  return {
    spent,
    notices,
    connections,
    brokerMicros: spent('brokerMicros') + noticeMicros,
    storedGigabytes: (storedBytes * world.redisFragmentation) / GB,
    trafficGigabytes: ((answerBytes + noticeBytes) * 3600 * HOURS_A_MONTH) / GB,
  };
}

/** Draws each assumption from its triangular distribution. @param random - uniform in [0, 1). */
export function drawWorld(assumptions: Assumptions, random: () => number): World {
  const draw = (assumption: Assumption): number => {
    if (typeof assumption === 'number') return assumption;
    const [low, likely, high] = assumption;
    if (low === high) return low;
    const part = random() * (high - low);
    return part < likely - low
      ? low + Math.sqrt(part * (likely - low))
      : high - Math.sqrt((high - low - part) * (high - likely));
  };
  return Object.fromEntries(Object.entries(assumptions).map(([name, one]) => [name, draw(one)])) as World;
}

/**
 * Changes one assumption: `contacts=20`, `contacts=10..20..60`, `perDay.get=4`.
 * @throws Error for an unknown name, and for values that do not rise.
 */
export function changeAssumption(assumptions: Assumptions, text: string): Assumptions {
  const [name = '', value = ''] = text.split('=');
  const parts = value.split('..').map((part) => (/^\d+(\.\d+)?$/.test(part) ? Number(part) : Number.NaN));
  const [low = Number.NaN, likely = low, high = likely] = parts;
  const rises = low <= likely && likely <= high;
  if (!Object.hasOwn(assumptions, name) || !rises || ![1, 3].includes(parts.length))
    throw new Error(`--set ${text}: not NAME=NUMBER or NAME=LOW..LIKELY..HIGH`);
  return { ...assumptions, [name]: [low, likely, high] };
}

/** Plans for 10,000 worlds, always the same ones. @returns the table's lines: one world in ten is below, one above. */
export function simulate(assumptions: Assumptions, costs: Costs): string[] {
  let state = 1;
  const mulberry32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const plans = Array.from({ length: 10_000 }, () => planFor(drawWorld(assumptions, mulberry32), costs));
  const row = (label: string, cells: readonly string[]): string =>
    cells.reduce((line, cell) => line + cell.padStart(15), label.padEnd(32));
  const rows = Object.keys(plans[0] ?? {}).map((label) => {
    const sorted = plans.map((plan) => plan[label as keyof typeof plan]).sort((a, b) => a - b);
    const cells = [0.1, 0.5, 0.9].map((part) => textOf(sorted[Math.round((sorted.length - 1) * part)] ?? 0));
    return row(label, cells);
  });
  return [row('', ['1 in 10 below', 'median', '1 in 10 above']), ...rows];
}

/** More than two digits would suggest a false precision. */
const textOf = (value: number): string =>
  Number.isFinite(value) ? value.toLocaleString('en', { maximumSignificantDigits: 2 }) : 'no number';

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  checkArguments('simulate');
  const { values } = parseArgs({ options: { set: { type: 'string', multiple: true, default: [] } } });
  try {
    const assumptions = values.set.reduce(changeAssumption, stated as Assumptions);
    console.log(`Costs of ${measured.machine}\n\n${simulate(assumptions, measured).join('\n')}`);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
  }
}
