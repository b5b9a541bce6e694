import { kinds } from '../crowd/mix.ts';
import type { World } from './assumptions.ts';
import type { Costs, RequestCosts } from './costs.ts';

/** To which brokers a notice goes: to all, which is what the worker does, or to the phone's own, which nothing does yet. */
export type NoticeRouting = 'all' | 'own';

/** What one world needs at its busiest time. */
export interface Plan {
  readonly peakRequests: number;
  readonly peakNotices: number;
  readonly connections: number;
  readonly workers: number;
  readonly redisGigabytes: number;
  readonly redisCommands: number;
  readonly redisMasters: number;
  /** Infinite if brokers are busy with each other's notices, however many there are. */
  readonly brokers: number;
  readonly trafficTerabytes: number;
  /** Dollars a month. */
  readonly workersCost: number;
  readonly redisCost: number;
  readonly brokersCost: number;
  readonly trafficCost: number;
  readonly cost: number;
}

const SECONDS_A_DAY = 86_400;
const HOURS_A_MONTH = 730;
const DAYS_A_MONTH = 30.4;
const GB = 1e9;

/** How long the record of a done request is kept: the default session expiry and 5 minutes. */
const DONE_SECONDS = 600;

/** A worker's memory, and what a broker needs besides its connections. */
const WORKER_GIGABYTES = 0.5;
const BROKER_GIGABYTES = 1;

/** A Redis node has a core for commands and one for saving and replicas; a broker one for its loop and one for the kernel. */
const CORES_OF_A_SERVER = 2;

/** What a world needs. */
export function planFor(world: World, costs: Costs, routing: NoticeRouting): Plan {
  const perSecond = world.phones / SECONDS_A_DAY;
  const peakOf = (kind: (typeof kinds)[number]): number => perSecond * world.perDay[kind] * world.peakFactor;
  const peakNotices = (peakOf('update') * world.contacts * world.mutualShare) / world.coalescing;
  const sum = (read: (cost: RequestCosts) => number): number =>
    kinds.reduce((total, kind) => total + peakOf(kind) * read(costs.requests[kind]), 0) +
    peakNotices * read(costs.updateForContact);
  const connections = world.phones * world.connectedShare;
  const coreMicros = 1e6 * world.coreSpeed * world.utilisation;

  const brokers = brokersFor(world, costs, {
    brokerMicros: brokerMicros(),
    peakNotices,
    connections,
    routing,
  });
  // A worker publishes a notice on each broker.
  const extraPublishes = routing === 'all' ? peakNotices * (brokers - 1) : 0;
  const extraMicros = extraPublishes * costs.updateForContact.workerMicros * world.publishShare;
  const workers = Math.ceil((sum(({ workerMicros }) => workerMicros) + extraMicros) / coreMicros);

  const doneBytes = (changesOf(world) / SECONDS_A_DAY) * DONE_SECONDS * costs.doneBytes;
  const bytes = costs.profileBytes + world.contacts * costs.contactBytes + doneBytes;
  const redisGigabytes = (world.phones * bytes * world.redisFragmentation) / GB;
  const redisMasters = Math.ceil(
    Math.max(
      redisGigabytes / (world.redisNodeGigabytes * world.redisFill),
      sum(({ redisMicros }) => redisMicros) / coreMicros,
    ),
  );
  const trafficGigabytes = monthlyTraffic();
  const money = costsOf(world, { workers, redisMasters, brokers, connections, costs, trafficGigabytes });
  return {
    peakRequests: kinds.reduce((total, kind) => total + peakOf(kind), 0),
    peakNotices,
    connections,
    workers,
    redisGigabytes,
    redisCommands: sum(({ redisCommands }) => redisCommands),
    redisMasters,
    brokers,
    trafficTerabytes: trafficGigabytes / 1000,
    ...money,
  };

  function brokerMicros(): number {
    const requests = kinds.reduce(
      (total, kind) => total + peakOf(kind) * costs.requests[kind].brokerMicros,
      0,
    );
    const pings = (connections / world.keepaliveSeconds) * costs.broker.pingMicros;
    const delivered = peakNotices * world.connectedShare * costs.broker.noticeMicros;
    return requests + pings + delivered;
  }

  /** Answers and notices that reach phones, in a month. */
  function monthlyTraffic(): number {
    const profile = costs.answerBytes + world.contacts * costs.answerBytesForContact;
    const answers = perSecond * (world.perDay.get + world.perDay.set + world.perDay.update) * profile;
    const notices = (peakNotices / world.peakFactor) * world.connectedShare * costs.answerBytesForContact;
    return ((answers + notices) * SECONDS_A_DAY * DAYS_A_MONTH) / GB;
  }
}

/** Requests of a phone and a day that leave a record. */
function changesOf({ perDay }: World): number {
  return kinds.reduce((total, kind) => total + (kind === 'get' ? 0 : perDay[kind]), 0);
}

interface BrokerLoad {
  readonly brokerMicros: number;
  readonly peakNotices: number;
  readonly connections: number;
  readonly routing: NoticeRouting;
}

/** Mosquitto works on one core. */
function brokersFor(
  world: World,
  costs: Costs,
  { brokerMicros, peakNotices, connections, routing }: BrokerLoad,
): number {
  const coreMicros = 1e6 * world.coreSpeed * world.utilisation;
  // What each broker does for notices to phones of the others, whatever their number.
  const strays = routing === 'all' ? peakNotices * costs.broker.strayNoticeMicros : 0;
  const left = coreMicros - strays;
  if (left <= 0) return Number.POSITIVE_INFINITY;
  return Math.ceil(Math.max(brokerMicros / left, connections / world.connectionsPerBroker));
}

interface Sizes {
  readonly workers: number;
  readonly redisMasters: number;
  readonly brokers: number;
  readonly connections: number;
  readonly trafficGigabytes: number;
  readonly costs: Costs;
}

function costsOf(world: World, sizes: Sizes) {
  const { workers, redisMasters, brokers, connections, trafficGigabytes, costs } = sizes;
  const hourly = (cores: number, gigabytes: number): number =>
    (cores * world.coreHourPrice + gigabytes * world.gigabyteHourPrice) * HOURS_A_MONTH;
  const redisNodes = redisMasters * (1 + world.redisReplicas);
  const connectionGigabytes = (connections * (costs.broker.connectionBytes + world.tlsConnectionBytes)) / GB;
  const workersCost = hourly(workers, workers * WORKER_GIGABYTES);
  const redisCost = hourly(redisNodes * CORES_OF_A_SERVER, redisNodes * world.redisNodeGigabytes);
  const brokersCost = hourly(brokers * CORES_OF_A_SERVER, brokers * BROKER_GIGABYTES + connectionGigabytes);
  const trafficCost = trafficGigabytes * world.trafficGigabytePrice;
  return {
    workersCost,
    redisCost,
    brokersCost,
    trafficCost,
    cost: workersCost + redisCost + brokersCost + trafficCost,
  };
}
