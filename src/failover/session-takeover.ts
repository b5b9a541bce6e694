import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../mqtt/connection.ts';
import type { Log } from '../telemetry/log.ts';
import type { TakeoverLease, WorkerRegistry } from './worker-registry.ts';

/** How the dead are told from the living, in milliseconds. */
export interface TakeoverTimes {
  /** Between two heartbeats. */
  readonly heartbeatMs: number;
  /** Without a heartbeat for so long a worker counts as dead. */
  readonly silentMs: number;
}

/** What an heir works with. */
export interface SessionTakeoverDeps {
  readonly registry: WorkerRegistry;
  readonly times: TakeoverTimes;
  /** Connect to every broker under a dead worker's client id; its requests go the way of all requests. */
  readonly connectAs: (worker: string) => readonly BrokerConnection[];
  readonly onTakeover: () => void;
  readonly log: Log;
}

/**
 * Keeps requests from being stranded with a worker that is dead: the broker holds what it did not acknowledge, and goes
 * on giving it its share.
 *
 * Every worker beats in Redis. When one falls silent, one survivor connects under its client id, works off what the
 * broker holds for it, unsubscribes, and ends that session. If the dead one comes back meanwhile, the broker gives it its
 * session back and cuts off the heir; what both have is done once, by its record in Redis.
 */
export class SessionTakeover {
  readonly #deps: SessionTakeoverDeps;
  readonly #stopped = new AbortController();
  readonly #paused = new AbortController();
  readonly #takeovers = new Set<Promise<void>>();
  readonly #running: Promise<void>;

  constructor(deps: SessionTakeoverDeps) {
    this.#deps = deps;
    this.#running = this.#run();
  }

  /** Inherit no more; inheritances under way are left to the next heir. The heart beats on. */
  async pause(): Promise<void> {
    this.#paused.abort();
    await Promise.all(this.#takeovers);
  }

  /** Beat no more either. */
  async stop(): Promise<void> {
    this.#paused.abort();
    this.#stopped.abort();
    await this.#running;
    await Promise.all(this.#takeovers);
  }

  async #run(): Promise<void> {
    const { registry, times, log } = this.#deps;
    let beatingSince = performance.now();
    let lastBeatAt = beatingSince;
    while (!this.#stopped.signal.aborted) {
      try {
        await registry.heartbeat();
        const now = performance.now();
        // When we, or Redis, were away ourselves, the others' silence says nothing yet.
        if (now - lastBeatAt >= times.silentMs) beatingSince = now;
        lastBeatAt = now;
        if (now - beatingSince >= times.silentMs) await this.#takeOverSilent();
      } catch (error) {
        log.error({ err: error }, 'heartbeat failed');
      }
      await this.#sleep(times.heartbeatMs * (0.75 + Math.random() / 2));
    }
  }

  async #takeOverSilent(): Promise<void> {
    const { registry, times } = this.#deps;
    for (const worker of await registry.silentWorkers(times.silentMs)) {
      if (this.#paused.signal.aborted) return;
      const lease = await registry.acquireLease(worker, times.silentMs);
      if (lease === undefined) continue;
      const work = this.#takeOver(worker, lease).finally(() => this.#takeovers.delete(work));
      this.#takeovers.add(work);
    }
  }

  /** Never rejects. */
  async #takeOver(worker: string, lease: TakeoverLease): Promise<void> {
    const { connectAs, registry, times, log, onTakeover } = this.#deps;
    log.warn({ worker }, 'a worker sends no heartbeat: taking over its broker session');
    onTakeover();
    const brokers = connectAs(worker);
    const close = (): void => void Promise.all(brokers.map((broker) => broker.close()));
    let isCutOff = false;
    const stopTakeover = (): void => {
      isCutOff = true;
      close();
    };
    // Mosquitto up to 2.0.11 says nothing when another takes the session over, and we would take it back, and so on.
    const stopIfAlive = async (): Promise<void> => {
      if (!(await registry.silentWorkers(times.silentMs)).includes(worker)) stopTakeover();
    };
    for (const broker of brokers) {
      broker.onState(({ connected, takenOver }) => {
        if (takenOver) stopTakeover();
        else if (!connected) stopIfAlive().catch(() => undefined);
      });
    }
    this.#paused.signal.addEventListener('abort', close, { once: true });
    const renewal = setInterval(() => {
      lease.renew(times.silentMs).catch(() => undefined);
      stopIfAlive().catch(() => undefined);
    }, times.heartbeatMs);
    try {
      await Promise.all(brokers.map((broker) => broker.leave()));
      const isDone = !isCutOff && !this.#paused.signal.aborted;
      await (isDone ? lease.deregister(times.silentMs) : lease.release());
      log.info(
        { worker },
        isDone ? 'the session takeover is complete' : 'the session takeover is left to another worker',
      );
    } catch (error) {
      log.error({ worker, err: error }, 'a session takeover failed');
    } finally {
      clearInterval(renewal);
      this.#paused.signal.removeEventListener('abort', close);
    }
  }

  async #sleep(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }
}
