import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import {
  type LimiterState,
  openBrokerAcl,
  openLimiters,
  type ReadableState,
  showBuild,
  showFault,
  showState,
} from './readings.ts';
import { Durations, type KindTally, TalliedHistogram } from './tallies.ts';

/** The metrics. No label holds a phone, a client id or another value that a client chooses. */
export interface Metrics {
  /**
   * A request was answered: its kind (`invalid` if unreadable), the atom of the answer, and its duration.
   * @param isService - whether the client has the id of a trusted service.
   */
  answered(kind: string, result: string, seconds: number, isService?: boolean): void;
  /** A client's bucket was charged, in units. */
  charged(work: ChargedWork, units: number): void;
  /** A publish that is no request was acknowledged and dropped. */
  ignored(reason: IgnoreReason): void;
  /** The broker refused a publish. */
  publishRefused(kind: 'answer' | 'notice'): void;
  /** A request had a wrong token. */
  wrongToken(isAnswered: boolean): void;
  noticed(count: number): void;
  /** All contacts of a phone were told something. */
  passed(): void;
  /** A contact heard nothing, because its record cannot be read. */
  contactSkipped(): void;
  redelivered(): void;
  /** The poison guard gave a request up: its deliveries ended workers or connections. */
  poisoned(): void;
  /** The broker session of a dead worker was taken over. */
  sessionTakenOver(): void;
  /** Another process was connected with the same client id. */
  clientIdConflict(): void;
  /** A connection was lost, not closed by this side. */
  lost(server: 'broker' | 'redis'): void;
  /** A call to the mail server or STS has ended. */
  called(service: 'mail' | 'sts', outcome: string, seconds: number): void;
  /** The duration of one round trip to Redis. */
  roundTrip(seconds: number): void;
  /** Set the state that the gauges read. Call it once. */
  read(state: ReadableState): void;
  /** Show the use of a concurrency limiter. */
  limiter(limiter: LimiterState): void;
  /**
   * Show the broker ACL sync.
   * @param pending - the number of pending phones for each broker.
   * @returns what counts synced phones and failed tries, for a broker's place in MQTT_URL, from 1.
   */
  brokerAcl(pending: () => readonly number[]): (broker: number, outcome: 'done' | 'failed') => void;
  /**
   * Show what is wrong with Redis.
   * @param causes - all that there may be.
   * @param current - the one that there is, if any.
   */
  redisFault(causes: readonly string[], current: () => string | undefined): void;
  /** Everything in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

export type ChargedWork = 'requests' | 'reading' | 'answers' | 'contacts' | 'calls';
export type IgnoreReason = 'empty' | 'retained' | 'foreign' | 'unaddressed' | 'topic';

/** Seconds. */
const requestBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 90];
const roundTripBounds = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
const callBounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const ignoreReasons: readonly IgnoreReason[] = ['empty', 'retained', 'foreign', 'unaddressed', 'topic'];

/** Gauges with the name of a counter. Other series give the same numbers by type. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * @param limiters - for each request kind, the name of the concurrency limiter of its slow work.
 * @param version - of this program.
 */
export function openMetrics(limiters: Readonly<Record<string, string>> = {}, version = 'unknown'): Metrics {
  const registry = registryWithDefaults(version);
  const answered = openRequests(registry, limiters);
  const { called, roundTrip } = openCalls(registry);
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `profile_${name}`, help, labelNames, registers: [registry] });
  const ignored = counter(
    'ignored_total',
    'Publishes on the request topic that are not requests, by reason.',
    ['reason'],
  );
  for (const reason of ignoreReasons) ignored.inc({ reason }, 0);
  const refused = counter('publish_refused_total', 'Answers and notices that the broker refused, by kind.', [
    'kind',
  ]);
  for (const kind of ['answer', 'notice']) refused.inc({ kind }, 0);
  const wrongTokens = counter(
    'wrong_tokens_total',
    'Requests with a wrong token, and whether they were answered.',
    ['answered'],
  );
  for (const answered of ['yes', 'no']) wrongTokens.inc({ answered }, 0);
  const services = counter(
    'service_requests_total',
    'Requests of trusted services answered, by kind and by the atom of the answer; also of clients that have such an id and are none.',
    ['kind', 'result'],
  );
  for (const kind of ['get', 'set', 'remove']) services.inc({ kind, result: 'ok' }, 0);
  const lost = counter('lost_connections_total', 'Connections that were lost, by server.', ['server']);
  for (const server of ['broker', 'redis']) lost.inc({ server }, 0);
  const redeliveries = counter('redeliveries_total', 'Requests delivered with the DUP flag.');
  const poisoned = counter(
    'poisoned_requests_total',
    'Requests given up after three deliveries that ended their worker or connection.',
  );
  return {
    answered(kind, result, seconds, isService = false) {
      answered(kind, result, seconds);
      if (isService) services.inc({ kind, result });
    },
    charged: openCharges(registry),
    called,
    roundTrip,
    ignored: (reason) => ignored.inc({ reason }),
    publishRefused: (kind) => refused.inc({ kind }),
    wrongToken: (isAnswered) => wrongTokens.inc({ answered: isAnswered ? 'yes' : 'no' }),
    ...openFanOuts(counter),
    redelivered: () => redeliveries.inc(),
    poisoned: () => poisoned.inc(),
    ...openSessions(counter),
    lost: (server) => lost.inc({ server }),
    ...openShown(registry),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function openShown(registry: Registry): Pick<Metrics, 'read' | 'limiter' | 'brokerAcl' | 'redisFault'> {
  return {
    read: (state) => showState(registry, state),
    limiter: openLimiters(registry),
    brokerAcl: (pending) => openBrokerAcl(registry, pending),
    redisFault: (causes, current) => showFault(registry, causes, current),
  };
}

function registryWithDefaults(version: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  showBuild(registry, version);
  return registry;
}

function openSessions(
  counter: (name: string, help: string) => Counter,
): Pick<Metrics, 'sessionTakenOver' | 'clientIdConflict'> {
  const takeovers = counter(
    'adopted_sessions_total',
    'Broker sessions of other workers that this worker took over.',
  );
  const conflicts = counter(
    'client_id_conflicts_total',
    'Times that another process was connected with the same MQTT_CLIENT_ID, since this one was.',
  );
  return { sessionTakenOver: () => takeovers.inc(), clientIdConflict: () => conflicts.inc() };
}

function openFanOuts(
  counter: (name: string, help: string) => Counter,
): Pick<Metrics, 'noticed' | 'passed' | 'contactSkipped'> {
  const notices = counter('notices_total', 'Notices to counterparties accepted by the broker.');
  const passes = counter('fan_out_passes_total', 'Times that all contacts of a phone were told something.');
  const skipped = counter(
    'skipped_contacts_total',
    'Counterparties that heard nothing, because their record cannot be read.',
  );
  return {
    noticed: (count) => notices.inc(count),
    passed: () => passes.inc(),
    contactSkipped: () => skipped.inc(),
  };
}

function openCharges(registry: Registry): Metrics['charged'] {
  const units: Record<ChargedWork, number> = { requests: 0, reading: 0, answers: 0, contacts: 0, calls: 0 };
  new Counter({
    name: 'profile_charged_units_total',
    help: 'Units charged to the buckets of clients, by work; one is the work of a small request.',
    labelNames: ['work'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [work, count] of Object.entries(units)) this.inc({ work }, count);
    },
  });
  return (work, count) => {
    units[work] += count;
  };
}

function openRequests(registry: Registry, limiters: Readonly<Record<string, string>>): Metrics['answered'] {
  const registers = [registry];
  const tallies = new Map<string, KindTally>();
  const begin = (kind: string, results: readonly string[]): KindTally => {
    const tally = {
      results: new Map(results.map((one) => [one, 0])),
      durations: new Durations(requestBounds),
    };
    tallies.set(kind, tally);
    return tally;
  };
  for (const [kind, limiter] of Object.entries(limiters)) begin(kind, alertedResults(limiter));
  new Counter({
    name: 'profile_requests_total',
    help: 'Requests answered, by kind, by the atom of the answer, and by the concurrency limiter of their slow work.',
    labelNames: ['kind', 'result', 'lane'],
    registers,
    collect() {
      this.reset();
      for (const [kind, tally] of tallies) {
        for (const [result, count] of tally.results) {
          this.inc({ kind, result, lane: limiters[kind] ?? 'fast' }, count);
        }
      }
    },
  });
  new TalliedHistogram(
    {
      name: 'profile_request_duration_seconds',
      help: 'From receiving a request to the answer being accepted by the broker.',
      labelNames: ['kind'],
      registers,
    },
    () => [...tallies].map(([kind, { durations }]) => [{ kind }, durations]),
  );
  return (kind, result, seconds) => {
    const tally = tallies.get(kind) ?? begin(kind, []);
    tally.results.set(result, (tally.results.get(result) ?? 0) + 1);
    tally.durations.count(seconds);
  };
}

/** Alerts use `rate`, which misses the first event of a series that does not start at 0. */
function alertedResults(limiter: string): string[] {
  return limiter === 'mail' || limiter === 'sts' ? ['internal', 'busy'] : ['internal'];
}

/** Calls to other servers. */
function openCalls(registry: Registry): Pick<Metrics, 'called' | 'roundTrip'> {
  const registers = [registry];
  const roundTrips = new Durations(roundTripBounds);
  new TalliedHistogram(
    {
      name: 'profile_redis_round_trip_duration_seconds',
      help: 'Of one call to Redis at a time, from when it is made to its answer; calls made meanwhile are not timed.',
      registers,
    },
    () => [[{}, roundTrips]],
  );
  const services = { mail: new Map<string, Durations>(), sts: new Map<string, Durations>() };
  const timesOf = (service: 'mail' | 'sts', outcome: string): Durations => {
    const known = services[service].get(outcome) ?? new Durations(callBounds);
    services[service].set(outcome, known);
    return known;
  };
  for (const outcome of ['accepted', 'refused']) timesOf('mail', outcome);
  for (const outcome of ['issued', 'refused']) timesOf('sts', outcome);
  for (const [service, help] of [
    ['mail', 'Time in which the mail server took or refused a mail, by outcome.'],
    ['sts', 'Time in which STS issued or refused credentials, by outcome.'],
  ] as const) {
    new TalliedHistogram(
      { name: `profile_${service}_call_duration_seconds`, help, labelNames: ['outcome'], registers },
      () => [...services[service]].map(([outcome, durations]) => [{ outcome }, durations]),
    );
  }
  return {
    called: (service, outcome, seconds) => timesOf(service, outcome).count(seconds),
    roundTrip: (seconds) => roundTrips.count(seconds),
  };
}
