/** An unknown value: its lowest, most likely and highest. A bare number is known. */
export type Assumption = number | readonly [low: number, likely: number, high: number];

/** The assumptions of `npm run simulate`, besides the measured `costs.json`. */
export const assumptions = {
  phones: 100_000_000,
  /** Part of the phones that are connected at the busiest time. */
  connectedShare: [0.2, 0.35, 0.6],
  /** The load of the busiest minute relative to the mean of the day. */
  peakFactor: [2, 3, 5],
  /** Contacts of a phone, and which part of them has it in their roster too. */
  contacts: [20, 50, 150],
  mutualShare: [0.4, 0.6, 0.8],
  /** Updates that one notice covers; 1 is what the worker does. */
  coalescing: 1,
  /** Part of a contact's cost in an `update` that is the publish; each further broker costs it again. */
  publishShare: [0.2, 0.4, 0.6],
  /** The speed of a core of the cloud relative to the measured one. */
  coreSpeed: [0.7, 1, 1.5],
  /** Part of a core that is used at the busiest time. */
  utilisation: 0.6,
  /** The extra memory of a connection with TLS; not measured. */
  tlsConnectionBytes: [20_000, 35_000, 60_000],
  /** Most phones of one broker, whatever its memory: when a broker fails, its phones connect to the others at once. */
  connectionsPerBroker: 100_000,
  /** Memory of a Redis node in GB, part of it that is filled, replicas of each master, and what fragmentation adds. */
  redisNodeGigabytes: 32,
  redisFill: 0.6,
  redisReplicas: 1,
  redisFragmentation: [1.1, 1.2, 1.4],
  /** Memory of a worker in GB, and what a broker needs besides its connections. */
  workerGigabytes: 0.5,
  brokerGigabytes: 1,
  /** A Redis node has a core for commands and one for saving; a broker one for its loop and one for the kernel. */
  serverCores: 2,
  /** Dollars: a core and a GB of memory for an hour, a GB of traffic to phones. */
  coreHourPrice: [0.02, 0.035, 0.05],
  gigabyteHourPrice: [0.002, 0.004, 0.006],
  trafficGigabytePrice: [0.01, 0.04, 0.08],
  /** Requests of a phone. */
  'perDay.get': [4, 8, 16],
  'perDay.set': [0.05, 0.1, 0.3],
  'perDay.update': [1, 3, 8],
  'perDay.link': 0.002,
  'perDay.email': 0.002,
  'perDay.aws': [0.1, 0.5, 2],
  'perDay.remove': 0.0003,
  'perDay.migrate': 0.0001,
  'perDay.phone': 0.0001,
} as const satisfies Record<string, Assumption>;
