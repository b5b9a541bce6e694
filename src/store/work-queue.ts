import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** A phone with work to do. */
export interface Task {
  readonly phone: string;
  /** The due time with which it was found. A later note changes it. */
  readonly score: string;
}

/** Some 10 MB of Redis for a queue. */
const maxPhones = 100_000;

const lookAt = 16;

/**
 * Phones with work that any worker can do, in a sorted set; the score is the time from which the work is due. The set says
 * where to look, and the data of the phone says what is to be done. A phone stands in it once, until its work is done.
 * @param list - the key of the sorted set.
 * @see docs/architecture.md, "One work queue"
 */
export function openWorkQueue(redis: Database, list: string) {
  const { connection } = redis;
  return {
    /**
     * Note a phone.
     * @param inMs - from when on a worker is to look at it; default now.
     * @returns `'busy'` when the queue is full.
     */
    note: (phone: string, inMs = 0) => redis.run('note-phone', [list], [phone, inMs, maxPhones]),
    /** The phones that have been due longest, a few of them; and how many stand in the queue. */
    async look() {
      const [first, pending, [seconds, microseconds]] = await Promise.all([
        withRetry(() => connection.zrange(list, '0', `${lookAt - 1}`, 'WITHSCORES')),
        withRetry(() => connection.zcard(list)),
        withRetry(() => connection.time()),
      ]);
      const now = Number(seconds) * 1e6 + Number(microseconds);
      const tasks = first.flatMap((phone, index) =>
        index % 2 === 0 ? [{ phone, score: first[index + 1] ?? '' }] : [],
      );
      return { due: tasks.filter(({ score }) => Number(score) <= now), pending };
    },
    /** What is to be done for a phone, if it stands in the queue. */
    async find(phone: string): Promise<Task | undefined> {
      const score = await withRetry(() => connection.zscore(list, phone));
      return score === null ? undefined : { phone, score: `${score}` };
    },
    /** Nothing is left to do: forget the phone. `'changed'` if it was noted again meanwhile. */
    done: ({ phone, score }: Task) => redis.run('settle-phone', [list], [phone, score, 0]),
    /** `'changed'` if it was noted again meanwhile. */
    putOff: ({ phone, score }: Task, byMs: number) => redis.run('settle-phone', [list], [phone, score, byMs]),
  };
}
