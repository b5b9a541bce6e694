import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted; no label is ever a phone, a client or anything else that a client chooses. */
export interface Metrics {
  /** A request was answered: its kind (`invalid` for what could not be read), the answer's atom, the time it took. */
  answered(kind: string, result: string, seconds: number): void;
  /** A publish that is no request was acknowledged and dropped. */
  ignored(reason: IgnoreReason): void;
  /** The broker refused to take a publish of ours. */
  publishRefused(kind: 'answer' | 'notice'): void;
  noticed(count: number): void;
  redelivered(): void;
  /** The broker session of a dead worker was taken over. */
  adopted(): void;
  /** Tell where the number of unacknowledged deliveries is to be read. */
  inFlight(read: () => number): void;
  /** Everything in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

export type IgnoreReason = 'empty' | 'retained' | 'foreign' | 'unaddressed' | 'topic';

export function openMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Counter({
    name: 'profile_requests_total',
    help: 'Requests answered, by kind and by the atom of the answer.',
    labelNames: ['kind', 'result'],
    registers,
  });
  const duration = new Histogram({
    name: 'profile_request_duration_seconds',
    help: 'From receiving a request to the answer being accepted by the broker.',
    labelNames: ['kind'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const ignored = new Counter({
    name: 'profile_ignored_total',
    help: 'Publishes on the topic that are no request, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const refused = new Counter({
    name: 'profile_publish_refused_total',
    help: 'Answers and notices that the broker refused to take.',
    labelNames: ['kind'],
    registers,
  });
  const notices = new Counter({
    name: 'profile_notices_total',
    help: 'Notices to counterparties accepted by the broker.',
    registers,
  });
  const redeliveries = new Counter({
    name: 'profile_redeliveries_total',
    help: 'Requests that came with the DUP flag.',
    registers,
  });
  const adoptions = new Counter({
    name: 'profile_adopted_sessions_total',
    help: 'Broker sessions of dead workers that this worker worked off.',
    registers,
  });
  return {
    answered(kind, result, seconds) {
      requests.inc({ kind, result });
      duration.observe({ kind }, seconds);
    },
    ignored: (reason) => ignored.inc({ reason }),
    publishRefused: (kind) => refused.inc({ kind }),
    noticed: (count) => notices.inc(count),
    redelivered: () => redeliveries.inc(),
    adopted: () => adoptions.inc(),
    inFlight(read) {
      new Gauge({
        name: 'profile_in_flight',
        help: 'Deliveries not yet acknowledged to the broker.',
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
