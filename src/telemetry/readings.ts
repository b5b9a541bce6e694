import { Counter, Gauge, type Registry } from 'prom-client';

/** Read at each scrape, so that nothing has to be kept up to date meanwhile. */
export interface ReadableState {
  isReady(): boolean;
  /** Deliveries not acknowledged, and how many there may be. */
  inFlight(): number;
  readonly inFlightLimit: number;
  /** One for each broker. */
  withheld(): readonly Withheld[];
  redisCalls(): Readonly<Record<'answered' | 'repeated' | 'refused', number>>;
}

/** Acknowledgements that a broker waits for. */
export interface Withheld {
  readonly count: number;
  /** Of these, where the work is done. */
  readonly owed: number;
  readonly oldestSeconds: number;
}

export interface LaneState {
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
  const sum = (key: 'count' | 'owed'): number => state.withheld().reduce((total, one) => total + one[key], 0);
  gauge('ready', '1 while requests are taken: brokers and Redis connected, the topic subscribed.', () =>
    state.isReady() ? 1 : 0,
  );
  gauge('in_flight', 'Deliveries not yet acknowledged to the broker.', state.inFlight);
  gauge(
    'in_flight_limit',
    'Deliveries that are worked on at once, over all brokers.',
    () => state.inFlightLimit,
  );
  gauge('withheld_acknowledgements', 'Deliveries of QoS 1 whose acknowledgement the broker waits for.', () =>
    sum('count'),
  );
  gauge('owed_acknowledgements', 'Of those withheld, the ones where the work is done.', () => sum('owed'));
  gauge('oldest_unacknowledged_age_seconds', 'How long the oldest of those withheld has been here.', () =>
    Math.max(0, ...state.withheld().map(({ oldestSeconds }) => oldestSeconds)),
  );
  new Counter({
    name: 'profile_redis_calls_total',
    help: 'Calls to Redis: answered, repeated because it was away or moving, or refused.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(state.redisCalls())) this.inc({ outcome }, count);
    },
  });
}

/** Show how much of each lane is in use, of those that are told of. */
export function openLanes(registry: Registry): (lane: LaneState) => void {
  const lanes: LaneState[] = [];
  for (const [part, help] of [
    ['running', 'Pieces of slow work under way.'],
    ['waiting', 'Pieces of slow work that wait for their turn.'],
  ] as const) {
    new Gauge({
      name: `profile_lane_${part}`,
      help,
      labelNames: ['lane'],
      registers: [registry],
      collect() {
        this.reset();
        // Several may have one name: there is a lane for the notices of each broker.
        for (const lane of lanes) this.inc({ lane: lane.name }, lane[part]);
      },
    });
  }
  return (lane) => void lanes.push(lane);
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
      for (const [place, count] of pending().entries()) this.set({ broker: place + 1 }, count);
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
