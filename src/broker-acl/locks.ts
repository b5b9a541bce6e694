import { setTimeout as sleep } from 'node:timers/promises';
import type { AclWork } from '../store/acl-work.ts';
import type { Lease } from '../store/leases.ts';
import { ANSWER_TIMEOUT_MS, Unanswered } from './dynamic-security.ts';

/**
 * A change of a phone's group needs the phone's lock, a change of a client needs the client's. A process that holds a lock
 * never waits for another one.
 */
export type Lock = readonly [kind: 'phone' | 'client', name: string];

/** The locks that a change holds. */
export interface Hold {
  /** Extend the locks for one more change. @throws Error when one has expired. */
  keep(): Promise<void>;
  /** Whether the locks still hold; read in the turn of the event loop that sends the change. */
  readonly isAllowed: () => boolean;
}

/** Maximum time of a change until it counts as unanswered. */
const changeMs = ANSWER_TIMEOUT_MS + 1_000;

/** Maximum time for connecting before a change. */
const connectMs = 10_000;

/** Twice the time for which a dead process keeps its locks. */
const patienceMs = 60_000;

/**
 * Run `change` with the locks.
 * @returns `'taken'`, without running it, when another process holds one of them.
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
    // The broker may still execute an unanswered command, so the locks stay until they expire.
    if (!isUnanswered) for (const lease of leases) await lease.release();
  }
}

/** `holding`, after a wait for the locks. @throws Error when they stay taken. */
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
