import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../mqtt/connection.ts';
import type { Log } from '../telemetry/log.ts';
import type { Heartbeats, Inheritance } from './worker-registry.ts';

/** How the dead are told from the living, in milliseconds. */
export interface HeirTimes {
  /** Between two heartbeats. */
  readonly beatMs: number;
  /** Without a heartbeat for so long a worker counts as dead. */
  readonly silentMs: number;
}

/** What an heir works with. */
export interface HeirParts {
  readonly heartbeats: Heartbeats;
  readonly times: HeirTimes;
  /** Connect to every broker under a dead worker's client id; its requests go the way of all requests. */
  readonly connectAs: (worker: string) => readonly BrokerConnection[];
  readonly adopted: () => void;
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
export class Heirs {
  readonly #parts: HeirParts;
  readonly #stopped = new AbortController();
  readonly #yielded = new AbortController();
  readonly #inheriting = new Set<Promise<void>>();
  readonly #running: Promise<void>;

  constructor(parts: HeirParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  /** Inherit no more; inheritances under way are left to the next heir. The heart beats on. */
  async yield(): Promise<void> {
    this.#yielded.abort();
    await Promise.all(this.#inheriting);
  }

  /** Beat no more either. */
  async stop(): Promise<void> {
    this.#yielded.abort();
    this.#stopped.abort();
    await this.#running;
    await Promise.all(this.#inheriting);
  }

  async #run(): Promise<void> {
    const { heartbeats, times, log } = this.#parts;
    let beatsSince = performance.now();
    let beatAt = beatsSince;
    while (!this.#stopped.signal.aborted) {
      try {
        await heartbeats.beat();
        const now = performance.now();
        // When we, or Redis, were away ourselves, the others' silence says nothing yet.
        if (now - beatAt >= times.silentMs) beatsSince = now;
        beatAt = now;
        if (now - beatsSince >= times.silentMs) await this.#lookForDead();
      } catch (error) {
        log.error({ err: error }, 'heartbeat failed');
      }
      await this.#pause(times.beatMs * (0.75 + Math.random() / 2));
    }
  }

  async #lookForDead(): Promise<void> {
    const { heartbeats, times } = this.#parts;
    for (const worker of await heartbeats.silent(times.silentMs)) {
      if (this.#yielded.signal.aborted) return;
      const inheritance = await heartbeats.inherit(worker, times.silentMs);
      if (inheritance === undefined) continue;
      const work = this.#workOff(worker, inheritance).finally(() => this.#inheriting.delete(work));
      this.#inheriting.add(work);
    }
  }

  /** Never rejects. */
  async #workOff(worker: string, inheritance: Inheritance): Promise<void> {
    const { connectAs, heartbeats, times, log, adopted } = this.#parts;
    log.warn({ worker }, 'a worker is silent; working off what the broker holds for it');
    adopted();
    const brokers = connectAs(worker);
    const close = (): void => void Promise.all(brokers.map((broker) => broker.close()));
    let isCutOff = false;
    const giveBack = (): void => {
      isCutOff = true;
      close();
    };
    // Mosquitto up to 2.0.11 says nothing when another takes the session over, and we would take it back, and so on.
    const giveBackToLiving = async (): Promise<void> => {
      if (!(await heartbeats.silent(times.silentMs)).includes(worker)) giveBack();
    };
    for (const broker of brokers) {
      broker.onState(({ connected, takenOver }) => {
        if (takenOver) giveBack();
        else if (!connected) giveBackToLiving().catch(() => undefined);
      });
    }
    this.#yielded.signal.addEventListener('abort', close, { once: true });
    const extending = setInterval(() => {
      inheritance.extend(times.silentMs).catch(() => undefined);
      giveBackToLiving().catch(() => undefined);
    }, times.beatMs);
    try {
      await Promise.all(brokers.map((broker) => broker.leave()));
      const isDone = !isCutOff && !this.#yielded.signal.aborted;
      await (isDone ? inheritance.bury(times.silentMs) : inheritance.release());
      log.info(
        { worker },
        isDone ? 'nothing is left of the silent worker' : 'left the silent worker to others',
      );
    } catch (error) {
      log.error({ worker, err: error }, 'an inheritance failed');
    } finally {
      clearInterval(extending);
      this.#yielded.signal.removeEventListener('abort', close);
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }
}
