import { uniqueId } from '../lib/unique-id.ts';
import type { Database } from './redis/database.ts';
import { attempt, withRetry } from './redis/retry.ts';

/** Two processes under one client id cut each other off each second, so that each claims it again. */
export const claimMs = 60_000;

const DISPUTED = ' disputed';

/**
 * Which process connects to the brokers as a worker. A broker ends the older of two connections with one client id, and Mosquitto
 * 2.0.11 does not say why.
 * @param fleet - see `fleetOf`.
 * @param worker - the client id.
 */
export function openClientIdClaim(redis: Database, fleet: string, worker: string) {
  const { connection } = redis;
  const key = redis.keys.clientId(fleet, worker);
  const own = uniqueId();
  let hasClaimed = false;
  return {
    /**
     * Say that this process has connected.
     * @returns whether another one has said so since this one did last. One that was there before it may just have been restarted.
     */
    async claim(): Promise<boolean> {
      const before = await withRetry(() => connection.set(key, own, 'PX', claimMs, 'GET'));
      const isDisputed = hasClaimed && before !== null && !before.startsWith(own);
      hasClaimed = true;
      if (isDisputed) await withRetry(() => connection.set(key, own + DISPUTED, 'PX', claimMs));
      return isDisputed;
    },
    /** Whether two processes have claimed it in turn in the last minute. Asks once: who only looks must be able to end. */
    async isDisputed(): Promise<boolean> {
      return (await attempt(() => connection.get(key)))?.endsWith(DISPUTED) ?? false;
    },
  };
}
