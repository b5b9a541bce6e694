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
  /** When a broker that was restarted had a worker subscribed again. */
  subscribedAt?: number;
  /** When another server of Redis was the master: what is confirmed after that stays. */
  settledAt?: number;
}

/** What was sent just before may not have been read any more; and a subscription is seen a little late. */
const slackMs = 500;

/** By then all workers have heard of another master, and what the old one had answered is seen. */
const settlingMs = 2_000;

export class Timeline {
  readonly faults: Fault[] = [];

  begin(kind: FaultKind): Fault {
    const fault: Fault = { kind, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.faults.push(fault);
    return fault;
  }

  /** Whether any of these faults, or any at all, lasted at a time between two. */
  had(from: number, to: number, kinds: readonly FaultKind[] = faultKinds): boolean {
    return this.faults.some((fault) => kinds.includes(fault.kind) && fault.from <= to && fault.to >= from);
  }

  /** Whether something that was right at a time may since have been forgotten in a fail-over. */
  hadFailover(since: number, now: number): boolean {
    return this.faults.some(
      ({ kind, from, to, settledAt = to }) =>
        kind === 'failover' && from <= now && since <= settledAt + settlingMs,
    );
  }

  /** Whether something sent at a time met a restarted broker that nobody had subscribed at yet. */
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
