import { uniqueId } from '../lib/unique-id.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** What brokers that are away are to be sent when they are back; each worker may keep it, and each may send it. */
export interface Outbox {
  /** @returns `'busy'` when too much is kept for that broker already. */
  keep(broker: string, publication: string): Promise<'stored' | 'busy'>;
  isEmpty(broker: string): Promise<boolean>;
  /** Become the one who sends, for so long; `undefined` while another one does. */
  acquireLease(broker: string, forMs: number): Promise<OutboxLease | undefined>;
}

export interface OutboxLease {
  /** What was kept first, so much of it; it stays kept. */
  peek(count: number): Promise<string[]>;
  /** These are sent: keep them no longer; and keep the turn for so many milliseconds more. */
  remove(publications: readonly string[], moreMs: number): Promise<void>;
  release(): Promise<void>;
}

/** A hundred thousand notices take about 50 MB of Redis. */
const maxKept = 100_000;

const keptSeconds = 24 * 60 * 60;

export function openOutbox(redis: Database): Outbox {
  const { connection, keys } = redis;
  return {
    async keep(broker, publication) {
      // Equal publications are two: the name in front tells them apart.
      const text = `${uniqueId()} ${publication}`;
      const answer = await redis.run('keep-publication', [keys.outbox(broker)], [text, maxKept, keptSeconds]);
      return answer === 'busy' ? answer : 'stored';
    },
    async isEmpty(broker) {
      return (await withRetry(() => connection.exists(keys.outbox(broker)))) === 0;
    },
    async acquireLease(broker, forMs) {
      const leaseKey = keys.outboxLease(broker);
      if ((await withRetry(() => connection.set(leaseKey, uniqueId(), 'PX', forMs, 'NX'))) === null)
        return undefined;
      let kept: readonly string[] = [];
      return {
        async peek(count) {
          kept = await withRetry(() => connection.lrange(keys.outbox(broker), 0, count - 1));
          return kept.map((text) => text.slice(text.indexOf(' ') + 1));
        },
        async remove(publications, moreMs) {
          // Not by their number: another one may have begun to send when this turn was over.
          const texts = kept.slice(0, publications.length);
          await Promise.all(
            texts.map((text) => withRetry(() => connection.lrem(keys.outbox(broker), 1, text))),
          );
          await withRetry(() => connection.pexpire(leaseKey, moreMs));
        },
        async release() {
          await withRetry(() => connection.del(leaseKey));
        },
      };
    },
  };
}
