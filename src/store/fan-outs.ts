import { uniqueId } from '../lib/unique-id.ts';
import { openLeases } from './leases.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';
import { openWorkQueue } from './work-queue.ts';

/** A worker that ends or freezes tells on for a phone at most so long; then another one may. */
const leaseMs = 6_000;

const cursorSeconds = 24 * 60 * 60;

/**
 * What the contacts of phones are still to hear. It stands with the phone, written by the script of the effect: `news` in
 * its profile, `removal:{phone}`, or `migration:{phone}`. The queue says at which phones to look.
 * @param fleet - names the workers of one share group at the same brokers: contacts at other brokers would hear nothing of them.
 */
export function openFanOuts(redis: Database, fleet: string) {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
  const queue = openWorkQueue(redis, keys.fanOuts(fleet));
  const former = openWorkQueue(redis, keys.formerFanOuts());
  const endPass = async (key: string, [field, name]: readonly [string, string], what: 'hash' | 'field') =>
    await redis.run('end-pass', [key], [field, name, what]);
  return {
    queue,
    /**
     * Move phones that are due from the queue of the version before. A crash in between leaves them in both: one finds nothing to do.
     * @returns whether there may be more.
     */
    async adoptFormer(): Promise<boolean> {
      const { due, pending } = await former.look();
      for (const task of due) {
        if ((await queue.note(task.phone)) === 'busy') return false;
        await former.done(task);
      }
      return due.length > 0 && pending > due.length;
    },
    /** Get the right to tell the contacts of a phone; `undefined` while another worker has it. */
    lease: (phone: string) => leases.take(keys.fanOutLease(phone), leaseMs),
    /** Names the update that the contacts of a profile are still to hear of. */
    async news(phone: string): Promise<string | undefined> {
      return (await withRetry(() => connection.hget(keys.profile(phone), 'news'))) ?? undefined;
    },
    /** Whether the profile is put aside to move. If that fails, it comes back with its news. */
    async isMoving(phone: string) {
      return (await withRetry(() => connection.exists(keys.leaving(phone)))) === 1;
    },
    /** Let the contacts hear the state of a profile once more. */
    renewNews: (phone: string) => redis.run('renew-news', [keys.profile(phone)], [uniqueId()]),
    /** All have heard of it. `'changed'` if there are newer news. */
    endNews: (phone: string, news: string) => endPass(keys.profile(phone), ['news', news], 'field'),
    endRemoval: (phone: string, mark: string) => endPass(keys.removal(phone), ['mark', mark], 'hash'),
    endMigration: (phone: string, claim: string) => endPass(keys.migration(phone), ['claim', claim], 'hash'),
    /** The last contact that has heard; `undefined` if the one of this pass is not known. */
    async cursor(phone: string, pass: string): Promise<string | undefined> {
      const kept = await withRetry(() => connection.get(keys.fanOutCursor(phone)));
      return kept?.startsWith(`${pass} `) ? kept.slice(pass.length + 1) : undefined;
    },
    async keepCursor(phone: string, pass: string, last: string) {
      await withRetry(() => connection.set(keys.fanOutCursor(phone), `${pass} ${last}`, 'EX', cursorSeconds));
    },
    async dropCursor(phone: string) {
      await withRetry(() => connection.unlink(keys.fanOutCursor(phone)));
    },
  };
}
