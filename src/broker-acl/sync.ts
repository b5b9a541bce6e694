import { setTimeout as sleep } from 'node:timers/promises';
import type { AclTask } from '../store/acl-work.ts';
import { type Log, shortenPhone } from '../telemetry/log.ts';
import type { BrokerAcl } from './broker.ts';
import { AclRefused } from './client.ts';
import { sweep } from './sweep.ts';

/** A broker whose list of clients a worker keeps equal. */
export interface SyncParts {
  readonly acl: BrokerAcl;
  /** Its place in MQTT_URL, from 1; what logs and metrics call it. */
  readonly number: number;
  /** Whether this worker is connected there. */
  readonly isThere: () => boolean;
  /** All of it is looked through so often, by one of the workers. */
  readonly sweepMs: number;
  readonly synced: (outcome: 'done' | 'failed') => void;
  readonly log: Log;
}

/** Where something is in the way: at the list itself, at the broker, at a phone that it refuses, in the sweep. */
type Trouble = 'list' | 'broker' | 'refused' | 'sweep';

/** Between two looks at what is to be done; a request of this worker's own does not wait for it. */
const lookMs = 1_000;
/** After a failure, doubled with each. */
const retryMs = 1_000;
const maxRetryMs = 30_000;
/** What the broker refuses for one phone. */
const refusedMs = 60_000;
/** What another one changes. */
const takenMs = 500;
const pagePauseMs = 50;
const maxLookMs = 10_000;
const stopMs = 2_000;
/** So many looks without work, and the connection is closed: the broker tells each administrator what it tells one. */
const idleLooks = 10;

/**
 * Works off, at one broker, what is to be done for phones whose sessions have ended or moved; and sweeps it for what nobody
 * has noted. Requests don't wait for it: what is to be done is kept in Redis, and any worker does it.
 */
export class AclSync {
  readonly #parts: SyncParts;
  readonly #stopped = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #troubles = new Map<Trouble, { readonly cause: string; readonly phone?: string | undefined }>();
  #endPause = (): void => undefined;
  #isWoken = false;
  #pending = 0;
  #isSweeping = false;
  /** Without a success in between. */
  #failures = 0;

  constructor(deps: SyncParts) {
    this.#parts = deps;
    this.#running = Promise.all([this.#run(), this.#sweeps()]);
  }

  /** Phones that were to be compared at the last look. */
  get pending(): number {
    return this.#pending;
  }

  /** Look at once: something was noted. */
  wake(): void {
    this.#isWoken = true;
    if (this.#failures === 0) this.#endPause();
  }

  /** One line for `/readyz`: what does not move, and why; no reason to take no requests. */
  remark(): string | undefined {
    const { number, isThere } = this.#parts;
    const [trouble] = this.#troubles.values();
    if (trouble === undefined && (isThere() || this.#pending === 0)) return undefined;
    const cause = isThere() ? trouble?.cause : 'it is away';
    return `broker ${number}: its list of clients does not follow the sessions (phones that wait: ${this.#pending}): ${cause}`;
  }

  /** What is under way is ended in two seconds, or left to another worker. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#endPause();
    await Promise.race([this.#running, sleep(stopMs, undefined, { ref: false })]);
    await this.#parts.acl.clients.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { acl, isThere } = this.#parts;
    let idle = 0;
    while (!this.#stopped.signal.aborted) {
      try {
        this.#isWoken = false;
        const { due, pending } = await acl.work.look();
        this.#pending = pending;
        this.#mended(...(pending === 0 ? (['list', 'broker', 'refused'] as const) : (['list'] as const)));
        idle = pending > 0 || this.#isSweeping ? 0 : idle + 1;
        if (idle === idleLooks) await acl.clients.close();
        // Several workers begin at different phones.
        const first = Math.floor(Math.random() * due.length);
        const tasks = isThere() ? [...due.slice(first), ...due.slice(0, first)] : [];
        if (await this.#workOff(tasks)) continue;
      } catch (error) {
        this.#failed('list', error);
      }
      await this.#pause();
    }
  }

  /** @returns whether something was done, so that there may be more. */
  async #workOff(tasks: readonly AclTask[]): Promise<boolean> {
    let isAny = false;
    for (const task of tasks) {
      if (this.#stopped.signal.aborted) return false;
      try {
        if (await this.#follow(task)) isAny = true;
      } catch (error) {
        if (this.#stopped.signal.aborted) return false;
        const isRefused = error instanceof AclRefused;
        this.#parts.synced('failed');
        this.#failed(isRefused ? 'refused' : 'broker', error, task.phone);
        await this.#parts.acl.work.putOff(task, isRefused ? refusedMs : retryMs);
        if (!isRefused) return false;
      }
    }
    return isAny;
  }

  async #follow(task: AclTask): Promise<boolean> {
    const { acl, synced } = this.#parts;
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

  /** Logged once for each cause, until it goes on. */
  #failed(trouble: Trouble, error: unknown, phone?: string): void {
    const { log, number } = this.#parts;
    const cause = error instanceof Error ? error.message : 'unknown';
    if (trouble !== 'refused') this.#failures++;
    const isTold = [...this.#troubles.values()].some((known) => known.cause === cause);
    this.#troubles.set(trouble, { cause, phone });
    if (isTold) return;
    const notified = { broker: number, cause, ...(phone !== undefined && { phone: shortenPhone(phone) }) };
    log.error(notified, 'the broker’s list of clients does not follow the sessions; it is tried again');
  }

  #mended(...troubles: readonly Trouble[]): void {
    for (const trouble of troubles) this.#troubles.delete(trouble);
  }

  async #sweeps(): Promise<void> {
    const { acl, isThere, sweepMs } = this.#parts;
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
    // After a failure what is noted meanwhile waits too.
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
