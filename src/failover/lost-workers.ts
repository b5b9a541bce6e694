import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../telemetry/log.ts';
import type { WorkerRegistry } from './worker-registry.ts';

/**
 * How long a worker whose connection is lost may take to show that it lives. A living one sends heartbeats at once
 * (`lostBeatMs`) and reconnects within a quarter of a second, as a rule.
 */
const graceMs = 350;

/** A living worker that stays away from a broker for so long loses its session there. It tries again each second at least. */
const returnMs = 2_000;

/** So often a worker without a connection sends heartbeats. At least two fit into the time above. */
export const lostBeatMs = 150;

/** Maximum number of workers that are watched at a time; where everybody may publish, anybody may name workers. */
const maxWatched = 1_000;

/** What the watch over lost workers needs. */
export interface LostWorkersDeps {
  readonly registry: Pick<WorkerRegistry, 'isKnown' | 'lastBeat' | 'noteUnable'>;
  /** Whether this worker can use its Redis. */
  readonly isAble: () => boolean;
  /** Stops all watching. */
  readonly signal: AbortSignal;
  /** @param brokers - the places of the brokers that have reported it, in `MQTT_URL`. */
  readonly takeOver: (worker: string, beat: number, brokers: readonly number[]) => Promise<void>;
  readonly log: Log;
}

/**
 * Decides about workers whose connection is lost, as their wills tell.
 *
 *     will ──▶ wait a moment ──back at the broker──▶ nothing
 *                 ▲    │
 *                 │    ├── no heartbeat since ────▶ take over
 *                 └────┴── heartbeats: it lives, and has `returnMs` to come back
 */
export class LostWorkers {
  readonly #deps: LostWorkersDeps;
  readonly #watched = new Map<string, Set<number>>();
  /** Workers with other addresses, each of which is logged once. */
  readonly #remarked = new Set<string>();

  constructor(deps: LostWorkersDeps) {
    this.#deps = deps;
  }

  /**
   * The broker at this place has sent the will of a worker, or the worker says that it is unable to serve. Then it may never have
   * been able to send a heartbeat.
   */
  lost(worker: string, broker: number, isUnable = false): void {
    const brokers = this.#watched.get(worker);
    if (brokers) brokers.add(broker);
    else if (this.#watched.size < maxWatched) {
      const first = new Set([broker]);
      this.#watched.set(worker, first);
      void this.#watch(worker, first, isUnable).finally(() => this.#watched.delete(worker));
    }
  }

  /** A worker is subscribed at the broker again. */
  back(worker: string, broker: number): void {
    this.#watched.get(worker)?.delete(broker);
  }

  /** This worker has no connection to the broker, and so does not hear who comes back. */
  deaf(broker: number): void {
    for (const brokers of this.#watched.values()) brokers.delete(broker);
  }

  /** Never rejects. Without Redis nothing is decided, and the heartbeats tell later. */
  async #watch(worker: string, brokers: ReadonlySet<number>, isUnable: boolean): Promise<void> {
    const { registry, isAble, signal, takeOver, log } = this.#deps;
    const rest = (): Promise<unknown> => sleep(graceMs, undefined, { signal }).catch(() => undefined);
    try {
      // What a worker has left for its successor comes as soon as this one is connected, maybe before Redis is.
      while (isUnable && !isAble() && !signal.aborted) await rest();
      const until = performance.now() + returnMs;
      if (isUnable) await registry.noteUnable(worker);
      let known = await registry.lastBeat(worker);
      if (known === undefined) await this.#remark(worker, brokers, rest);
      while (known !== undefined) {
        await rest();
        if (signal.aborted || brokers.size === 0) return;
        const beat = await registry.lastBeat(worker);
        if (beat === undefined) return;
        if (beat <= known || performance.now() >= until) {
          await takeOver(worker, beat, [...brokers]);
          return;
        }
        known = beat;
      }
    } catch (error) {
      log.warn({ worker, err: error }, 'cannot tell whether a lost worker lives');
    }
  }
  /** Its group and its broker are ours, but its `MQTT_URL` names the broker otherwise: only workers that do so too take over from it. */
  async #remark(worker: string, brokers: ReadonlySet<number>, rest: () => Promise<unknown>): Promise<void> {
    const { registry, signal, log } = this.#deps;
    if (this.#remarked.has(worker) || !(await registry.isKnown(worker))) return;
    await rest(); // after a takeover it is removed from both lists, one after the other
    if (signal.aborted || brokers.size === 0 || (await registry.lastBeat(worker)) !== undefined) return;
    if (!(await registry.isKnown(worker)) || this.#remarked.size >= maxWatched) return;
    this.#remarked.add(worker);
    log.warn(
      { worker },
      'a lost worker names the broker otherwise in MQTT_URL: its session is not taken over',
    );
  }
}
