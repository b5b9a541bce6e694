import { Counter, Gauge, type Registry } from 'prom-client';

/** Read at each scrape, so that nothing has to be kept up to date meanwhile. */
export interface ReadableState {
  isReady(): boolean;
  /** Deliveries not acknowledged, and how many there may be. */
  inFlight(): number;
  readonly inFlightLimit: number;
  /** One for each broker. */
  unacked(): readonly UnackedState[];
  redisCalls(): Readonly<Record<'answered' | 'repeated' | 'refused', number>>;
}

/** Acknowledgements that a broker waits for. */
export interface UnackedState {
  readonly count: number;
  /** Of these, where the work is done. */
  readonly ackPending: number;
  readonly oldestSeconds: number;
}

export interface LimiterState {
  readonly name: string;
  readonly running: number;
  readonly waiting: number;
}

/** Show what is to be read of the program's state. */
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
    state.unacked().reduce((total, one) => total + one[key], 0);
  gauge('ready', '1 while the worker is ready: brokers and Redis connected, request topic subscribed.', () =>
    state.isReady() ? 1 : 0,
  );
  gauge('in_flight', 'Deliveries not yet acknowledged to the broker.', state.inFlight);
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
    Math.max(0, ...state.unacked().map(({ oldestSeconds }) => oldestSeconds)),
  );
  new Counter({
    name: 'profile_redis_calls_total',
    help: 'Calls to Redis by outcome: answered, repeated after a transient error, or refused.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(state.redisCalls())) this.inc({ outcome }, count);
    },
  });
}

/** Show how much of each lane is in use, of those that are told of. */
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
        // Several may have one name: there is a lane for the notices of each broker.
        for (const limiter of limiters) this.inc({ lane: limiter.name }, limiter[part]);
      },
    });
  }
  return (limiter) => void limiters.push(limiter);
}

/** Show how the brokers' lists of clients follow the sessions (`Metrics.brokerAcl`). */
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
