import { openLeases } from '../store/leases.ts';
import type { Database, RedisState } from '../store/redis/database.ts';
import { isKnown } from '../store/redis/health.ts';
import { withRetry } from '../store/redis/retry.ts';

/** The heartbeats of the workers of one share group at the same brokers, on the clock of Redis. */
export type WorkerRegistry = ReturnType<typeof openWorkerRegistry>;

/** Not while nothing is known: a first try to connect is under way. */
const isUnusable = (state: RedisState): boolean =>
  state.fault !== undefined || (!state.connected && isKnown(state));

/** The heartbeat of a worker that has stopped and left its session for the next one. */
const STOPPED = 0;

/** A worker that needs a successor. */
export interface SilentWorker {
  readonly worker: string;
  /** Its last heartbeat, in Unix milliseconds; 0 for one that has stopped and left its session. */
  readonly beat: number;
}

/** Whether a worker is subscribed at the broker with this address. */
interface BrokerSubscription {
  readonly address: string;
  readonly subscribed: boolean;
}

/**
 * @param worker - the client id of this worker.
 * @param fleet - see `fleetOf`.
 */
export function openWorkerRegistry(redis: Database, worker: string, fleet: string) {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
  const workers = keys.workers(fleet);
  // Workers of the version before look for the dead there, and only there.
  const everywhere = [workers, keys.formerWorkers()];
  const subscriptions = keys.subscriptions(fleet);
  const at = (broker: string, name: string): string => `${broker}/${name}`;
  const heartbeat = async (brokers: readonly BrokerSubscription[]): Promise<void> => {
    const beats = everywhere.map((key) => redis.run('heartbeat', [key], [worker]));
    const pairs = brokers.flatMap(({ address, subscribed }) => [at(address, worker), subscribed ? 1 : 0]);
    const noted = pairs.length > 0 ? [redis.run('note-subscriptions', [subscriptions], pairs)] : [];
    // All are awaited together: one that failed while another was awaited alone would be an unhandled rejection.
    await Promise.all([...noted, ...beats]);
  };
  return {
    /** Record that this worker is alive. */
    heartbeat,
    /**
     * Register before the first request: nobody takes over from a killed worker that is not registered.
     * Where Redis cannot be used the worker takes requests all the same, and they wait.
     */
    async join() {
      const unusable = new Promise<void>((resolve) => {
        const look = (state: RedisState) => isUnusable(state) && resolve();
        redis.onState(look);
        look(redis.state);
      });
      await Promise.race([heartbeat([]).catch(() => undefined), unusable]); // the next heartbeat tells of an error
    },
    /** Remove this worker: it has ended its broker sessions. */
    async leave() {
      await Promise.all(everywhere.map((key) => withRetry(() => connection.zrem(key, worker))));
    },
    /** This worker has stopped and left a session for the next one, which need not wait for silence. */
    async leaveSession() {
      await Promise.all(everywhere.map((key) => withRetry(() => connection.zadd(key, STOPPED, worker))));
    },
    /**
     * Say that this worker leaves a broker.
     * @returns true when no other worker is subscribed there that has sent a heartbeat in the last `silentMs`.
     */
    async isLastAt(broker: string, silentMs: number) {
      const answer = await redis.run(
        'give-up-subscription',
        [subscriptions],
        [`${broker}/`, worker, silentMs],
      );
      return answer === 'last';
    },
    /** The others without a heartbeat for at least `afterMs`, and those that have stopped. */
    async silentWorkers(afterMs: number): Promise<SilentWorker[]> {
      const [seconds = 0] = await withRetry(() => connection.time());
      const latest = Number(seconds) * 1000 - afterMs;
      const found = await withRetry(() => connection.zrangebyscore(workers, '-inf', latest, 'WITHSCORES'));
      const silent: SilentWorker[] = [];
      for (let index = 0; index + 1 < found.length; index += 2)
        silent.push({ worker: String(found[index]), beat: Number(found[index + 1]) });
      return silent.filter(({ worker: name }) => name !== worker);
    },
    /** Another worker cannot serve, and may never have been able to send a heartbeat. */
    async noteUnable(name: string) {
      await withRetry(() => connection.zadd(workers, 'NX', STOPPED, name));
    },
    /** The last heartbeat of a worker; `undefined` for one that is not registered. */
    async lastBeat(name: string) {
      const score = await withRetry(() => connection.zscore(workers, name));
      return score === null ? undefined : Number(score);
    },
    /** Whether a worker uses this Redis, maybe with other addresses of brokers or in another share group. */
    async isKnown(name: string) {
      return (await withRetry(() => connection.zscore(keys.formerWorkers(), name))) !== null;
    },
    /** Lease the takeover of a dead worker for `forMs`; `undefined` if another worker holds the lease. */
    acquireLease: (silentWorker: string, forMs: number) =>
      leases.take(keys.takeoverLease(fleet, silentWorker), forMs),
    /** Nobody is to count on the subscriptions of a dead worker any more: its successor ends them. */
    async withdrawSubscriptions(dead: string, brokers: readonly string[]) {
      const members = brokers.map((broker) => at(broker, dead));
      if (members.length > 0) await withRetry(() => connection.zrem(subscriptions, ...members));
    },
    /** Remove a worker, unless it has sent a heartbeat after `beat`. The takeover is complete. */
    async deregister({ worker: dead, beat }: SilentWorker) {
      if ((await redis.run('deregister-worker', [workers], [dead, beat])) === 'changed') return;
      await withRetry(() => connection.zrem(keys.formerWorkers(), dead));
    },
  };
}
