import { versions } from '../lib/unique-id.ts';
import type { Database } from './redis/database.ts';
import { persist } from './redis/retry.ts';

/** What brokers that are away are to be sent when they are back; each worker may keep it, and each may send it. */
export interface Outbox {
  /** @returns `'busy'` when too much is kept for that broker already. */
  keep(broker: string, publication: string): Promise<'stored' | 'busy'>;
  isEmpty(broker: string): Promise<boolean>;
  /** Become the one who sends, for so long; `undefined` while another one does. */
  turn(broker: string, forMs: number): Promise<SendingTurn | undefined>;
}

export interface SendingTurn {
  /** What was kept first, so much of it; it stays kept. */
  first(count: number): Promise<string[]>;
  /** These are sent: keep them no longer; and keep the turn for so many milliseconds more. */
  sent(publications: readonly string[], moreMs: number): Promise<void>;
  end(): Promise<void>;
}

/** A hundred thousand notices take about 50 MB of Redis. */
const mostKept = 100_000;

const keptSeconds = 24 * 60 * 60;

export function openOutbox(redis: Database): Outbox {
  const { connection, keys } = redis;
  const nextName = versions();
  return {
    async keep(broker, publication) {
      // Equal publications are two: the name in front tells them apart.
      const text = `${nextName()} ${publication}`;
      const answer = await redis.run(
        'keep-publication',
        [keys.outbox(broker)],
        [text, mostKept, keptSeconds],
      );
      return answer === 'busy' ? answer : 'stored';
    },
    async isEmpty(broker) {
      return (await persist(() => connection.exists(keys.outbox(broker)))) === 0;
    },
    async turn(broker, forMs) {
      const lock = keys.sending(broker);
      if ((await persist(() => connection.set(lock, nextName(), 'PX', forMs, 'NX'))) === null)
        return undefined;
      let kept: readonly string[] = [];
      return {
        async first(count) {
          kept = await persist(() => connection.lrange(keys.outbox(broker), 0, count - 1));
          return kept.map((text) => text.slice(text.indexOf(' ') + 1));
        },
        async sent(publications, moreMs) {
          // Not by their number: another one may have begun to send when this turn was over.
          const texts = kept.slice(0, publications.length);
          await Promise.all(
            texts.map((text) => persist(() => connection.lrem(keys.outbox(broker), 1, text))),
          );
          await persist(() => connection.pexpire(lock, moreMs));
        },
        async end() {
          await persist(() => connection.del(lock));
        },
      };
    },
  };
}
