import { setTimeout as sleep } from 'node:timers/promises';
import { inTime } from '../lib/in-time.ts';
import { shortenPhone } from '../lib/shorten-phone.ts';
import type { Task } from '../store/work-queue.ts';
import type { Log } from '../telemetry/log.ts';
import type { BrokerAcl } from './broker.ts';
import { AclRefused } from './client.ts';
import { sweep } from './sweep.ts';

/** The broker whose list of clients is kept equal to the sessions. */
export interface AclSyncDeps {
  readonly acl: BrokerAcl;
  /** Its place in MQTT_URL, from 1, for logs and metrics. */
  readonly number: number;
  /** Whether this worker is connected there. */
  readonly isThere: () => boolean;
  /** Time between two sweeps, by any worker. */
  readonly sweepMs: number;
  readonly synced: (outcome: 'done' | 'failed') => void;
  readonly log: Log;
}

/** What fails: the list of work in Redis, the broker, a phone that it refuses, or the sweep. */
type Trouble = 'list' | 'broker' | 'refused' | 'sweep';

/** Pause between two looks at the list of work; `wake` ends it. */
const lookMs = 1_000;
/** Pause after a failure, doubled with each. */
const retryMs = 1_000;
const maxRetryMs = 30_000;
/** Delay of a phone that the broker refuses. */
const refusedMs = 60_000;
/** Delay of a phone that another process changes. */
const takenMs = 500;
const pagePauseMs = 50;
const maxLookMs = 10_000;
const stopMs = 2_000;
/** The connection closes after this many looks without work, because the broker sends every reply to all administrators. */
const idleLooks = 10;

/**
 * Syncs one broker for phones whose sessions have ended or moved, and sweeps it for other differences. The list of work is in
 * Redis: requests do not wait for it, and any worker can do it.
 */
export class AclSync {
  readonly #deps: AclSyncDeps;
  readonly #stopped = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #troubles = new Map<Trouble, { readonly cause: string; readonly phone?: string | undefined }>();
  #endPause = (): void => undefined;
  #isWoken = false;
  #pending = 0;
  #isSweeping = false;
  /** Failures in a row. */
  #failures = 0;

  constructor(deps: AclSyncDeps) {
    this.#deps = deps;
    this.#running = Promise.all([this.#run(), this.#sweeps()]);
  }

  /** Phones on the list at the last look. */
  get pending(): number {
    return this.#pending;
  }

  /** Look at once, because the list has a new entry. */
  wake(): void {
    this.#isWoken = true;
    if (this.#failures === 0) this.#endPause();
  }

  /** One line for `/readyz` on what is out of sync, and why. The worker stays ready. */
  remark(): string | undefined {
    const { number, isThere } = this.#deps;
    const [trouble] = this.#troubles.values();
    if (trouble === undefined && (isThere() || this.#pending === 0)) return undefined;
    const cause = isThere() ? trouble?.cause : 'it is away';
    return `broker ${number}: its list of clients is out of sync with the sessions (phones pending: ${this.#pending}): ${cause}`;
  }

  /** Complete the current work within two seconds, or leave it to another worker. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#endPause();
    await inTime(this.#running, stopMs, undefined);
    await this.#deps.acl.clients.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { acl, isThere } = this.#deps;
    let idle = 0;
    while (!this.#stopped.signal.aborted) {
      try {
        this.#isWoken = false;
        const { due, pending } = await acl.work.look();
        this.#pending = pending;
        this.#mended(...(pending === 0 ? (['list', 'broker', 'refused'] as const) : (['list'] as const)));
        idle = pending > 0 || this.#isSweeping ? 0 : idle + 1;
        if (idle === idleLooks) await acl.clients.close();
        // Workers start at different phones.
        const first = Math.floor(Math.random() * due.length);
        const tasks = isThere() ? [...due.slice(first), ...due.slice(0, first)] : [];
        if (await this.#workOff(tasks)) continue;
      } catch (error) {
        this.#failed('list', error);
      }
      await this.#pause();
    }
  }

  /** @returns whether a task was done, so that there may be more. */
  async #workOff(tasks: readonly Task[]): Promise<boolean> {
    let isAny = false;
    for (const task of tasks) {
      if (this.#stopped.signal.aborted) return false;
      try {
        if (await this.#sync(task)) isAny = true;
      } catch (error) {
        if (this.#stopped.signal.aborted) return false;
        const isRefused = error instanceof AclRefused;
        this.#deps.synced('failed');
        this.#failed(isRefused ? 'refused' : 'broker', error, task.phone);
        await this.#deps.acl.work.putOff(task, isRefused ? refusedMs : retryMs);
        if (!isRefused) return false;
      }
    }
    return isAny;
  }

  async #sync(task: Task): Promise<boolean> {
    const { acl, synced } = this.#deps;
    const result = await acl.sync(task.phone);
    if (result === 'partly') await acl.work.putOff(task, takenMs);
    if (result !== 'done') return false;
    await acl.work.done(task);
    synced('done');
    this.#failures = 0;
    this.#mended('broker', 'sweep');
    if (this.#troubles.get('refused')?.phone === task.phone) this.#mended('refused');
    return true;
  }

  /** Log each cause once, until the sync works again. */
  #failed(trouble: Trouble, error: unknown, phone?: string): void {
    const { log, number } = this.#deps;
    const cause = error instanceof Error ? error.message : 'unknown';
    if (trouble !== 'refused') this.#failures++;
    const isLogged = [...this.#troubles.values()].some((known) => known.cause === cause);
    this.#troubles.set(trouble, { cause, phone });
    if (isLogged) return;
    const fields = { broker: number, cause, ...(phone !== undefined && { phone: shortenPhone(phone) }) };
    log.error(fields, 'the broker’s list of clients is out of sync with the sessions; retrying');
  }

  #mended(...troubles: readonly Trouble[]): void {
    for (const trouble of troubles) this.#troubles.delete(trouble);
  }

  async #sweeps(): Promise<void> {
    const { acl, isThere, sweepMs } = this.#deps;
    const { signal } = this.#stopped;
    const rest = (milliseconds: number) => sleep(milliseconds, undefined, { signal }).catch(() => undefined);
    while (!signal.aborted) {
      await rest(Math.min(sweepMs / 4, maxLookMs) * (0.5 + Math.random()));
      try {
        if (signal.aborted || !isThere() || !(await acl.work.takeSweep(sweepMs))) continue;
        this.#isSweeping = true;
        await sweep(acl, async () => {
          await rest(pagePauseMs);
          signal.throwIfAborted();
        });
        this.#mended('sweep', 'broker');
        this.wake();
      } catch (error) {
        if (!signal.aborted) this.#failed('sweep', error);
      } finally {
        this.#isSweeping = false;
      }
    }
  }

  async #pause(): Promise<void> {
    // After a failure, new entries wait too.
    if (this.#stopped.signal.aborted || (this.#isWoken && this.#failures === 0)) return;
    const pauseMs = this.#failures === 0 ? lookMs : Math.min(retryMs * 2 ** this.#failures, maxRetryMs);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs * (0.5 + Math.random()));
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
