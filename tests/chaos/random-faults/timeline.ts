/** What was done to the system, and when. Times are milliseconds of `performance.now()`. */

export const faultKinds = [
  'kill',
  'term',
  'freeze',
  'cutBroker',
  'cutRedis',
  'restartRedis',
  'failover',
  'hangMail',
  'hangSts',
  'restartBroker',
  'killBroker',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** One fault, from its beginning until the system has recovered from it. */
export interface Fault {
  readonly kind: FaultKind;
  readonly from: number;
  /** Infinite while it lasts. */
  to: number;
  /** When a worker was subscribed again at a restarted broker. */
  subscribedAt?: number;
  /** When another Redis server became the master: later confirmations are durable. */
  settledAt?: number;
}

/** Messages sent just before may not have been read; and a subscription is seen a little late. */
const slackMs = 500;

/** By then all workers use the new master, and answers of the old one have arrived. */
const settlingMs = 2_000;

export class Timeline {
  readonly faults: Fault[] = [];

  begin(kind: FaultKind): Fault {
    const fault: Fault = { kind, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.faults.push(fault);
    return fault;
  }

  /** Whether any of these faults, or any fault at all, lasted at a time between two. */
  had(from: number, to: number, kinds: readonly FaultKind[] = faultKinds): boolean {
    return this.faults.some((fault) => kinds.includes(fault.kind) && fault.from <= to && fault.to >= from);
  }

  /** Whether a failover may have lost something that was right at a time. */
  hadFailover(since: number, now: number): boolean {
    return this.faults.some(
      ({ kind, from, to, settledAt = to }) =>
        kind === 'failover' && from <= now && since <= settledAt + settlingMs,
    );
  }

  /** Whether a message at a time met a restarted broker without subscribers. */
  hadNoSubscriber(sentAt: number): boolean {
    return this.faults.some(
      ({ from, subscribedAt }) =>
        subscribedAt !== undefined && sentAt >= from - slackMs && sentAt <= subscribedAt + slackMs,
    );
  }

  isUnderWay(kind: FaultKind): boolean {
    return this.faults.some((fault) => fault.kind === kind && fault.to === Number.POSITIVE_INFINITY);
  }

  count(kind: FaultKind): number {
    return this.faults.filter((fault) => fault.kind === kind).length;
  }
}
