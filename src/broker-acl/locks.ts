import { setTimeout as sleep } from 'node:timers/promises';
import type { AclWork } from '../store/acl-work.ts';
import type { Lease } from '../store/leases.ts';
import { ANSWER_TIMEOUT_MS, Unanswered } from './dynamic-security.ts';

/**
 * Who creates or deletes the group of a phone holds that phone's lock; who changes a client holds that client's. Nobody
 * waits for a lock while it holds another.
 */
export type Lock = readonly [kind: 'phone' | 'client', name: string];

/** The locks that are held. */
export interface Hold {
  /** Make sure that they hold for one more change. @throws Error when one has lapsed. */
  keep(): Promise<void>;
  /** Whether they still do, asked in the turn in which the change is sent. */
  readonly isAllowed: () => boolean;
}

/** A change is answered in this time, or taken for unanswered. */
const changeMs = ANSWER_TIMEOUT_MS + 1_000;

/** Connecting may come before that. */
const connectMs = 10_000;

/** Twice as long as what a dead process holds stays locked. */
const patienceMs = 60_000;

/**
 * Do something while no other process does it.
 * @returns `'taken'`, with nothing done, when one of the locks is another one's.
 */
export async function holding<T>(
  work: AclWork,
  locks: readonly Lock[],
  change: (hold: Hold) => Promise<T>,
): Promise<T | 'taken'> {
  const leases: Lease[] = [];
  let isUnanswered = false;
  try {
    for (const [kind, name] of locks) {
      const lease = await work.lease(kind, name);
      if (lease === undefined) return 'taken';
      leases.push(lease);
    }
    return await change(holdOf(leases));
  } catch (error) {
    isUnanswered = error instanceof Unanswered;
    throw error;
  } finally {
    // The broker may still carry out what it has not answered; until the locks lapse nobody else comes in between.
    if (!isUnanswered) for (const lease of leases) await lease.release();
  }
}

/** The same, waiting for the locks. @throws Error when they don't come free. */
export async function holdingAfterWait<T>(
  work: AclWork,
  locks: readonly Lock[],
  change: (hold: Hold) => Promise<T>,
): Promise<Exclude<T, 'taken'>> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const result = await holding(work, locks, change);
    if (result !== 'taken') return result as Exclude<T, 'taken'>;
    if (performance.now() > until)
      throw new Error('others change the same clients in the broker without end');
    await sleep(20 + Math.random() * 80);
  }
}

function holdOf(leases: readonly Lease[]): Hold {
  return {
    async keep() {
      for (const lease of leases)
        if (lease.leftMs() < changeMs + connectMs && !(await lease.extend()))
          throw new Error('another one changes this by now');
    },
    isAllowed: () => leases.every((lease) => lease.leftMs() > changeMs),
  };
}
