import { uniqueId } from '../lib/unique-id.ts';
import { openLeases } from './leases.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

export interface KeptPublication {
  /** As it is kept: equal publications differ by a name in front. */
  readonly entry: string;
  readonly publication: string;
}

const maxKept = 100_000;

/** Of what is kept, in base64. Some 60,000 notices are as large; a notice may have a megabyte. */
const maxBytes = 32 * 1024 * 1024;

const keptSeconds = 24 * 60 * 60;

/** What brokers that are away are to be sent when they are back; each worker may keep it, and each may send it. */
export type Outbox = ReturnType<typeof openOutbox>;

export function openOutbox(redis: Database) {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
  const own = (broker: string) => [keys.outbox(broker), keys.outboxBytes(broker)];
  return {
    /** @returns `'busy'` when too much is kept for that broker already. */
    async keep(broker: string, publication: string) {
      const entry = `${uniqueId()} ${publication}`;
      return redis.run('keep-publication', own(broker), [entry, maxKept, maxBytes, keptSeconds]);
    },
    async isEmpty(broker: string) {
      return (await withRetry(() => connection.exists(keys.outbox(broker)))) === 0;
    },
    /** Get the right to send what is kept for a broker; `undefined` while another worker has it. */
    acquireLease: (broker: string, forMs: number) => leases.take(keys.outboxLease(broker), forMs),
    /** What was kept first, so much of it; it stays kept. */
    async peek(broker: string, count: number): Promise<KeptPublication[]> {
      const entries = await withRetry(() => connection.lrange(keys.outbox(broker), 0, count - 1));
      return entries.map((entry) => ({ entry, publication: entry.slice(entry.indexOf(' ') + 1) }));
    },
    /** These are sent: keep them no longer. */
    async remove(broker: string, sent: readonly KeptPublication[]) {
      // Not by their number: another worker may send too, if the lease has lapsed.
      const names = sent.map(({ entry }) => entry.slice(0, entry.indexOf(' ')));
      await redis.run('drop-publications', own(broker), [JSON.stringify(names)]);
    },
  };
}
