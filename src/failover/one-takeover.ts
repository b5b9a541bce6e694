import { once } from 'node:events';
import type { BrokerConnection } from '../mqtt/connection.ts';
import { foundMessage, takenMessage } from '../mqtt/presence.ts';
import type { Lease } from '../store/leases.ts';
import type { Log } from '../telemetry/log.ts';
import type { SilentWorker, WorkerRegistry } from './worker-registry.ts';

/** When a worker counts as dead, in milliseconds. */
export interface TakeoverTimes {
  /** Between two heartbeats. */
  readonly heartbeatMs: number;
  /** A worker counts as dead after this time without a heartbeat. */
  readonly silentMs: number;
  /** A takeover ends when the broker has sent nothing for so long; default at once. */
  readonly lingerMs?: number;
}

/** What a session takeover needs. */
export interface SessionTakeoverDeps {
  readonly registry: WorkerRegistry;
  readonly times: TakeoverTimes;
  /** This worker's own connections, in the order of `MQTT_URL`; filled before the first takeover. */
  readonly brokers: readonly BrokerConnection[];
  /**
   * Connects under a dead worker's client id and serves the requests that arrive.
   * @param choice - the places of the brokers in `MQTT_URL`; default all.
   */
  readonly connectAs: (
    worker: string,
    choice: { readonly places: readonly number[] | undefined },
  ) => readonly BrokerConnection[];
  /** The topic on which the others hear of a worker. */
  readonly topicOf: (worker: string) => string;
  /** Whether this worker can use its Redis. */
  readonly isAble: () => boolean;
  readonly onTakeover: () => void;
  readonly log: Log;
}

/** Why a worker counts as dead. */
export type Death = 'connection lost' | 'no heartbeat' | 'stopped';

export interface DeadWorker extends SilentWorker {
  readonly death: Death;
  /** The places of the brokers in `MQTT_URL`; all where it is absent. */
  readonly brokers: readonly number[] | undefined;
  readonly lease: Lease;
  /** Leaves the rest to another worker. */
  readonly signal: AbortSignal;
}

/** Serve what the brokers hold for a dead worker, then end its sessions. Never rejects. */
export async function takeOverSession(dead: DeadWorker, deps: SessionTakeoverDeps): Promise<void> {
  const { worker, death, lease, signal } = dead;
  const { registry, log } = deps;
  const places = dead.brokers ?? deps.brokers.map((_, place) => place);
  const addresses = places.flatMap((place) => deps.brokers[place]?.address ?? []);
  let stopWatching = (): void => undefined;
  try {
    // A worker that stops meanwhile must not count on a subscription that ends here.
    await registry.withdrawSubscriptions(worker, addresses);
    log.warn({ worker, death }, 'a worker is gone: taking over its broker session');
    deps.onTakeover();
    await tellTaken(worker, places, deps);
    const connections = deps.connectAs(worker, { places: dead.brokers });
    const yielded = new AbortController();
    const close = (): void => void Promise.all(connections.map((connection) => connection.close()));
    const yieldTo = (): void => {
      yielded.abort();
      close();
    };
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    stopWatching = watch(dead, deps, connections, yieldTo);
    const either = AbortSignal.any([signal, yielded.signal]);
    await Promise.all(connections.map((connection) => leaveOnceSubscribed(connection, deps, either)));
    signal.removeEventListener('abort', close);
    const isDone = !either.aborted && (await lease.extend());
    if (isDone && addresses.length === deps.brokers.length) await registry.deregister(dead);
    await lease.release();
    const end = isDone ? 'complete' : 'left to another worker';
    log.info({ worker }, `the session takeover is ${end}`);
  } catch (error) {
    log.error({ worker, err: error }, 'a session takeover failed');
  } finally {
    stopWatching();
  }
}

/** A worker that has given way must not take its session back when its connection ends. */
async function tellTaken(
  worker: string,
  places: readonly number[],
  deps: SessionTakeoverDeps,
): Promise<void> {
  const told = places.flatMap((place) => {
    const broker = deps.brokers[place];
    if (!broker?.state.connected) return [];
    const topic = deps.topicOf(worker);
    return [broker.publish(takenMessage(topic)), broker.publish(foundMessage(topic))];
  });
  await Promise.allSettled(told);
}

/**
 * Call `yieldTo` when the dead worker is back, or another worker has the lease.
 * @returns what ends the watch.
 */
function watch(
  { worker, beat, death, lease }: DeadWorker,
  { registry, times }: SessionTakeoverDeps,
  connections: readonly BrokerConnection[],
  yieldTo: () => void,
): () => void {
  const yieldIfAlive = async (): Promise<void> => {
    if (((await registry.lastBeat(worker)) ?? beat) > beat) yieldTo();
  };
  for (const connection of connections) {
    connection.onState(({ connected, takenOver, cause }) => {
      if (connected || cause === 'closed') return;
      // Mosquitto up to 2.0.11 does not signal a session takeover, so two workers would take the session in turns.
      if (takenOver || death === 'connection lost') yieldTo();
      else yieldIfAlive().catch(() => undefined);
    });
  }
  // A lease that has lapsed may be another worker's by now.
  const extend = async (): Promise<void> => {
    if (!(await lease.extend())) yieldTo();
  };
  const renewal = setInterval(() => {
    extend().catch(() => undefined);
    // One whose connection is dead may well send heartbeats. It takes the session back when it reconnects.
    if (death !== 'connection lost') yieldIfAlive().catch(() => undefined);
  }, times.heartbeatMs);
  return () => clearInterval(renewal);
}

/** Until this worker is subscribed itself, the dead one's subscription may be the only one: the broker drops what none has. */
async function leaveOnceSubscribed(
  connection: BrokerConnection,
  { brokers, times }: SessionTakeoverDeps,
  signal: AbortSignal,
): Promise<void> {
  const mine = brokers.find(({ address }) => address === connection.address);
  if (mine && !mine.state.subscribed && !signal.aborted) {
    const isSubscribed = new AbortController();
    mine.onState(({ subscribed }) => subscribed && isSubscribed.abort());
    await once(AbortSignal.any([isSubscribed.signal, signal]), 'abort');
  }
  await (signal.aborted ? connection.close() : connection.leave(times.lingerMs));
}
