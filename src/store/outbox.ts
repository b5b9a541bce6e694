import { uniqueId } from '../lib/unique-id.ts';
import { type Lease, openLeases } from './leases.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** What brokers that are away are to be sent when they are back; each worker may keep it, and each may send it. */
export interface Outbox {
  /** @returns `'busy'` when too much is kept for that broker already. */
  keep(broker: string, publication: string): Promise<'stored' | 'busy'>;
  isEmpty(broker: string): Promise<boolean>;
  /** Get the right to send what is kept for a broker; `undefined` while another worker has it. */
  acquireLease(broker: string, forMs: number): Promise<Lease | undefined>;
  /** What was kept first, so much of it; it stays kept. */
  peek(broker: string, count: number): Promise<KeptPublication[]>;
  /** These are sent: keep them no longer. */
  remove(broker: string, sent: readonly KeptPublication[]): Promise<void>;
}

export interface KeptPublication {
  /** As it is kept: equal publications differ by a name in front. */
  readonly entry: string;
  readonly publication: string;
}

/** A hundred thousand notices take about 50 MB of Redis. */
const maxKept = 100_000;

const keptSeconds = 24 * 60 * 60;

export function openOutbox(redis: Database): Outbox {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
  return {
    async keep(broker, publication) {
      const entry = `${uniqueId()} ${publication}`;
      return redis.run('keep-publication', [keys.outbox(broker)], [entry, maxKept, keptSeconds]);
    },
    async isEmpty(broker) {
      return (await withRetry(() => connection.exists(keys.outbox(broker)))) === 0;
    },
    acquireLease: (broker, forMs) => leases.take(keys.outboxLease(broker), forMs),
    async peek(broker, count) {
      const entries = await withRetry(() => connection.lrange(keys.outbox(broker), 0, count - 1));
      return entries.map((entry) => ({ entry, publication: entry.slice(entry.indexOf(' ') + 1) }));
    },
    async remove(broker, sent) {
      // Not by their number: another worker may send too, if the lease has lapsed.
      await Promise.all(
        sent.map(({ entry }) => withRetry(() => connection.lrem(keys.outbox(broker), 1, entry))),
      );
    },
  };
}
