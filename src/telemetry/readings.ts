import { Counter, Gauge, type Registry } from 'prom-client';

/** State that each scrape reads, so that the program need not update gauges. */
export interface ReadableState {
  isReady(): boolean;
  /** The connections of this worker; the list may grow. */
  readonly brokers: readonly BrokerLoad[];
  /** Maximum number of deliveries in flight, over all brokers. */
  readonly inFlightLimit: number;
  /** Counts of the calls to Redis, by outcome. */
  readonly redisCalls: Readonly<Record<(typeof callOutcomes)[number], number>>;
}

/** A broker, and its deliveries that the worker has not acknowledged. */
interface BrokerLoad {
  readonly state: { readonly lacksSharedSubscriptions?: true };
  readonly inFlight: number;
  readonly unacked: {
    readonly count: number;
    /** Of these, the ones whose request is done. */
    readonly ackPending: number;
    readonly oldestSeconds: number;
  };
}

const callOutcomes = ['answered', 'repeated', 'refused'] as const;

export interface LimiterState {
  readonly name: string;
  readonly running: number;
  readonly waiting: number;
}

/** Register the gauges that read the state. */
export function showState(registry: Registry, state: ReadableState): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name: `profile_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  const sum = (key: 'count' | 'ackPending'): number =>
    state.brokers.reduce((total, { unacked }) => total + unacked[key], 0);
  gauge('ready', '1 while the worker is ready: brokers and Redis connected, request topic subscribed.', () =>
    state.isReady() ? 1 : 0,
  );
  gauge(
    'brokers_without_shared_subscriptions',
    'Brokers that say they have no shared subscriptions: no request of theirs is heard.',
    () => state.brokers.filter(({ state: { lacksSharedSubscriptions } }) => lacksSharedSubscriptions).length,
  );
  gauge('in_flight', 'Deliveries not yet acknowledged to the broker.', () =>
    state.brokers.reduce((total, { inFlight }) => total + inFlight, 0),
  );
  gauge(
    'in_flight_limit',
    'Maximum number of deliveries in flight, over all brokers.',
    () => state.inFlightLimit,
  );
  gauge('withheld_acknowledgements', 'Deliveries of QoS 1 that are not yet acknowledged.', () =>
    sum('count'),
  );
  gauge(
    'owed_acknowledgements',
    'Unacknowledged deliveries whose request is done: the acknowledgement is pending.',
    () => sum('ackPending'),
  );
  gauge('oldest_unacknowledged_age_seconds', 'Age of the oldest unacknowledged delivery.', () =>
    Math.max(0, ...state.brokers.map(({ unacked }) => unacked.oldestSeconds)),
  );
  new Counter({
    name: 'profile_redis_calls_total',
    help: 'Calls to Redis by outcome: answered, repeated after a transient error, or refused.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const outcome of callOutcomes) this.inc({ outcome }, state.redisCalls[outcome]);
    },
  });
}

/** Register the gauge of the fault of Redis (`Metrics.redisFault`). */
export function showFault(
  registry: Registry,
  causes: readonly string[],
  current: () => string | undefined,
): void {
  new Gauge({
    name: 'profile_redis_fault',
    help: '1 for what is wrong with Redis, 0 for all else that may be.',
    labelNames: ['cause'],
    registers: [registry],
    collect() {
      const now = current();
      for (const cause of causes) this.set({ cause }, cause === now ? 1 : 0);
    },
  });
}

/** Register the gauge whose label is the version: which versions run side by side. */
export function showBuild(registry: Registry, version: string): void {
  const name = 'profile_build_info';
  const help = 'Always 1; the label is the version of the program.';
  new Gauge({ name, help, labelNames: ['version'], registers: [registry] }).set({ version }, 1);
}

/** Register the gauges of the concurrency limiters. @returns what adds a limiter to them. */
export function openLimiters(registry: Registry): (limiter: LimiterState) => void {
  const limiters: LimiterState[] = [];
  for (const [part, help] of [
    ['running', 'Tasks that run, by concurrency limiter.'],
    ['waiting', 'Tasks that wait in the queue, by concurrency limiter.'],
  ] as const) {
    new Gauge({
      name: `profile_lane_${part}`,
      help,
      labelNames: ['lane'],
      registers: [registry],
      collect() {
        this.reset();
        // Limiters share a name where each broker has one: the gauges add them up.
        for (const limiter of limiters) this.inc({ lane: limiter.name }, limiter[part]);
      },
    });
  }
  return (limiter) => void limiters.push(limiter);
}

/** Register the metrics of the broker ACL sync (`Metrics.brokerAcl`). */
export function openBrokerAcl(registry: Registry, pending: () => readonly number[]) {
  const registers = [registry];
  new Gauge({
    name: 'profile_broker_acl_pending',
    help: 'Phones whose clients in the broker are still to be compared with their sessions, by its place in MQTT_URL.',
    labelNames: ['broker'],
    registers,
    collect() {
      for (const [index, count] of pending().entries()) this.set({ broker: index + 1 }, count);
    },
  });
  const synced = new Counter({
    name: 'profile_broker_acl_synced_total',
    help: 'Phones whose clients in the broker were made equal to their sessions, and tries that failed.',
    labelNames: ['broker', 'outcome'],
    registers,
  });
  for (const [place] of pending().entries())
    for (const outcome of ['done', 'failed']) synced.inc({ broker: place + 1, outcome }, 0);
  return (broker: number, outcome: 'done' | 'failed'): void => synced.inc({ broker, outcome });
}
