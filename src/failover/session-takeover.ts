import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../mqtt/connection.ts';
import type { Lease } from '../store/leases.ts';
import type { Log } from '../telemetry/log.ts';
import type { WorkerRegistry } from './worker-registry.ts';

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
  /** Connects to every broker under a dead worker's client id and serves the requests that arrive. */
  readonly connectAs: (worker: string) => readonly BrokerConnection[];
  readonly onTakeover: () => void;
  readonly log: Log;
}

/**
 * Takes over the broker sessions of dead workers. A broker keeps a dead worker's unacknowledged requests, and still gives
 * it a share of the new ones.
 *
 * Every worker sends heartbeats to Redis. When one is silent, another worker connects under its client id, serves what the
 * broker holds for it, unsubscribes and ends the session. If the silent worker returns meanwhile, the broker gives it the
 * session and disconnects the other. Idempotency records keep requests that both received from having effect twice.
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

  /** Start no more takeovers and leave the current ones to other workers. Heartbeats continue. */
  async pause(): Promise<void> {
    this.#paused.abort();
    await Promise.all(this.#takeovers);
  }

  /** Stop heartbeats as well. */
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
        // After a pause of this worker or of Redis, the silence of others proves nothing yet.
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
  async #takeOver(worker: string, lease: Lease): Promise<void> {
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
    // Mosquitto up to 2.0.11 does not signal a session takeover, so two workers would take the session in turns.
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
    // A lease that has lapsed may be another worker's by now.
    const extend = async (): Promise<void> => {
      if (!(await lease.extend())) stopTakeover();
    };
    const renewal = setInterval(() => {
      extend().catch(() => undefined);
      stopIfAlive().catch(() => undefined);
    }, times.heartbeatMs);
    try {
      await Promise.all(brokers.map((broker) => broker.leave(times.lingerMs)));
      const isDone = !isCutOff && !this.#paused.signal.aborted && (await lease.extend());
      if (isDone) await registry.deregister(worker, times.silentMs);
      await lease.release();
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
