import { setTimeout as sleep } from 'node:timers/promises';
import type { PresenceNews } from '../mqtt/broker.ts';
import { LostWorkers, lostBeatMs } from './lost-workers.ts';
import { type Death, type SessionTakeoverDeps, takeOverSession } from './one-takeover.ts';
import type { SilentWorker } from './worker-registry.ts';

class Unable extends Error {}

/** The others look for so long at most whether a worker lives that has lost a broker. The broker may notice it later. */
const watchedMs = 15_000;

/**
 * Takes over the broker sessions of dead workers. A broker keeps a dead worker's unacknowledged requests, and still gives
 * it a share of the new ones.
 *
 * The broker tells of a worker whose connection has died (`LostWorkers`). A worker that is frozen keeps its connection, but
 * sends no heartbeats to Redis. In both cases another worker connects under its client id, serves what the broker holds for
 * it, unsubscribes and ends the session. If the worker returns meanwhile, the broker gives it the session and disconnects the
 * other. Idempotency records keep requests that both received from having effect twice.
 */
export class SessionTakeover {
  readonly #deps: SessionTakeoverDeps;
  readonly #stopped = new AbortController();
  readonly #paused = new AbortController();
  readonly #takeovers = new Set<Promise<void>>();
  readonly #lost: LostWorkers;
  readonly #running: Promise<void>;
  #beating: Promise<void> = Promise.resolve();
  #isLeaving = false;
  /** When a broker was lost last. */
  #lostAt = Number.NEGATIVE_INFINITY;
  #wake: () => void = () => undefined;

  constructor(deps: SessionTakeoverDeps) {
    this.#deps = deps;
    this.#lost = new LostWorkers({
      registry: deps.registry,
      isAble: deps.isAble,
      signal: this.#paused.signal,
      takeOver: async (worker, beat, brokers) => {
        await this.#begin({ worker, beat }, beat === 0 ? 'stopped' : 'connection lost', brokers);
      },
      log: deps.log,
    });
    this.#running = this.#run();
  }

  /** News of another worker from the broker at this place in `MQTT_URL`. */
  heard(worker: string, broker: number, news: PresenceNews): void {
    if (news === 'back') this.#lost.back(worker, broker);
    else if (news === 'unable') this.#lost.lost(worker, broker, true);
    else if (this.#deps.isAble()) this.#lost.lost(worker, broker);
  }

  /** This worker can serve again: the registry hears of it at once. */
  wake(): void {
    this.#wake();
  }

  /** The state of one of this worker's own connections has changed. The registry hears of it at once. */
  brokerChanged(broker: number): void {
    if (!this.#deps.brokers[broker]?.state.connected) {
      this.#lost.deaf(broker);
      this.#lostAt = performance.now();
    }
    this.#wake();
  }

  /**
   * Start no more takeovers and leave the current ones to other workers. Heartbeats continue, but no longer say that this
   * worker is subscribed.
   */
  async pause(): Promise<void> {
    this.#paused.abort();
    this.#isLeaving = true;
    await Promise.allSettled([this.#beating, ...this.#takeovers]);
  }

  /** Stop heartbeats as well. */
  async stop(): Promise<void> {
    this.#paused.abort();
    this.#stopped.abort();
    this.#wake();
    await this.#running;
    await Promise.all(this.#takeovers);
  }

  async #run(): Promise<void> {
    const { times, log } = this.#deps;
    let beatingSince = performance.now();
    let lastBeatAt = beatingSince;
    while (!this.#stopped.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        // The others must not count on a worker that cannot serve.
        if (!this.#deps.isAble()) throw new Unable();
        this.#beating = this.#beat();
        await this.#beating;
        const now = performance.now();
        // After a pause of this worker or of Redis, the silence of others proves nothing yet.
        if (now - lastBeatAt >= times.silentMs) beatingSince = now;
        lastBeatAt = now;
        await this.#takeOverSilent(now - beatingSince >= times.silentMs);
      } catch (error) {
        if (!(error instanceof Unable)) log.error({ err: error }, 'heartbeat failed');
      }
      const rested = new AbortController();
      const rest = sleep(this.#restMs, undefined, { signal: rested.signal }).catch(() => undefined);
      await Promise.race([rest, woken]);
      rested.abort();
    }
  }

  #beat(): Promise<void> {
    const { registry, brokers } = this.#deps;
    const states = brokers.map(({ address, state }) => ({
      address,
      subscribed: state.subscribed && !this.#isLeaving,
    }));
    return registry.heartbeat(states);
  }

  /** Soon after this worker has lost a broker, the others look whether it lives. */
  get #restMs(): number {
    const { heartbeatMs } = this.#deps.times;
    const isWatched = performance.now() - this.#lostAt < watchedMs;
    const isCut = isWatched && this.#deps.brokers.some(({ state }) => !state.connected);
    return isCut ? Math.min(lostBeatMs, heartbeatMs) : heartbeatMs * (0.75 + Math.random() / 2);
  }

  async #takeOverSilent(isSilenceProof: boolean): Promise<void> {
    if (this.#paused.signal.aborted) return;
    const { registry, times } = this.#deps;
    for (const silent of await registry.silentWorkers(times.silentMs)) {
      const isStopped = silent.beat === 0;
      if (isStopped || isSilenceProof) await this.#begin(silent, isStopped ? 'stopped' : 'no heartbeat');
    }
  }

  /** @param brokers - the places of those where its connection is known to be dead; default all. */
  async #begin(dead: SilentWorker, death: Death, brokers?: readonly number[]): Promise<void> {
    const { registry, times } = this.#deps;
    if (this.#paused.signal.aborted || !this.#deps.isAble()) return;
    const lease = await registry.acquireLease(dead.worker, times.silentMs);
    if (lease === undefined) return;
    // Another worker may have completed the takeover, or the worker may have come back, since the caller looked.
    const beat = await registry.lastBeat(dead.worker);
    // One whose connection is dead may well send heartbeats.
    if (beat === undefined || (beat !== dead.beat && death !== 'connection lost')) {
      await lease.release();
      return;
    }
    const { signal } = this.#paused;
    const work = takeOverSession({ ...dead, death, brokers, lease, signal }, this.#deps).finally(() =>
      this.#takeovers.delete(work),
    );
    this.#takeovers.add(work);
  }
}
