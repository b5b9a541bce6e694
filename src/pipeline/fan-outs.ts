import { setTimeout as sleep } from 'node:timers/promises';
import {
  type FanOutStores,
  fanOutPass,
  isToBeTold,
  type PassEnd,
  type ToldGroup,
} from '../handlers/fan-out.ts';
import { Background } from '../lib/background.ts';
import { ByteBudget } from '../lib/byte-budget.ts';
import { Fifo } from '../lib/fifo.ts';
import { shortenPhone } from '../lib/shorten-phone.ts';
import { ConnectionClosed } from '../mqtt/connection.ts';
import type { Lease } from '../store/leases.ts';
import { isOfRecord } from '../store/redis/fault.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type NoticeDeps, publishNotices } from './notices.ts';

export interface FanOutsDeps extends NoticeDeps {
  readonly stores: FanOutStores;
  readonly metrics: NoticeDeps['metrics'] & Pick<Metrics, 'contactSkipped' | 'limiter' | 'passed'>;
}

/** So many phones' contacts are told at a time. Each keeps their places in memory. */
const maxRunning = 16;

/**
 * Entries of so many bytes are told at a time, in all. Each is held several times: as read, as changed, in what is written to
 * Redis, and on its way to the broker.
 */
const maxBytes = 2 * 2 ** 20;

/** So many of those may have more contacts than one group has; so they leave room for phones with few. */
const maxLong = 8;

/** So many phones are worked on here; the queue in Redis keeps the others. */
const maxPhones = 1_000;

/** Another worker looks at a phone that is noted, or taken from the queue, after so long. */
const graceMs = 3_000;

/**
 * A phone rests for so many times what a pass has taken before the next one; its changes meanwhile are told together. So
 * one phone keeps a worker at it for an eighth of the time at most.
 */
const restShare = 7;

/** At least so long when there was a change meanwhile: more may follow. */
const minRestMs = 500;

const maxRestMs = 30_000;

/** The clock of Redis, by which a lease lapses, may go a little slower. */
const leaseMarginMs = 20;

/** Pause between two looks at the queue. */
const lookMs = 1_000;

/** Delay of a phone after a failure of Redis. */
const failedMs = 30_000;

/** Delay of a phone whose own record cannot be read: only somebody who mends it helps. */
const unreadableMs = 60 * 60_000;

/** What is to be done with a phone: nothing here, at once again, that when there is room for a long pass; or after a rest. */
type Next = 'over' | 'again' | 'long' | { readonly restMs: number; readonly isMore: boolean };

/** A phone whose contacts are being told. */
interface Pass {
  readonly phone: string;
  /** Whether it goes on in the background. */
  isLong: boolean;
  /** What its batches have taken. */
  spentMs: number;
}

/**
 * Tells contacts what the stores have noted for them, in the background: requests do not wait for it, and any worker can do it.
 * A pass tells all contacts of a phone. Its first batch goes at once; the others share one part of the event loop. So a phone
 * with many contacts holds up neither requests nor phones with few.
 * @see docs/architecture.md, "One work queue"
 */
export class FanOuts {
  readonly name = 'fan-out';
  readonly #deps: FanOutsDeps;
  readonly #stopped = new AbortController();
  /** The phones that are worked on here, or were and rest. */
  readonly #phones = new Set<string>();
  /** Those of them that were noted again. */
  readonly #noted = new Set<string>();
  readonly #waiting = new Fifo<string>();
  /** Those that have begun, and wait for room among the long passes. */
  readonly #waitingLong = new Fifo<string>();
  #long = 0;
  readonly #background = new Background();
  readonly #budget = new ByteBudget(maxBytes);
  readonly #turns = new Set<Promise<void>>();
  readonly #looking: Promise<void>;

  constructor(deps: FanOutsDeps) {
    this.#deps = deps;
    deps.metrics.limiter(this);
    this.#looking = this.#look();
  }

  get running(): number {
    return this.#turns.size;
  }

  get waiting(): number {
    return this.#waiting.length + this.#waitingLong.length;
  }

  /** Put a phone into the queue and begin. Done when the queue has it: from then on any live worker tells its contacts. */
  async note(phone: string): Promise<void> {
    const { queue } = this.#deps.stores.fanOuts;
    const inMs = this.#stopped.signal.aborted ? 0 : graceMs;
    // While the queue is full, requests keep their places in the in-flight window.
    while ((await queue.note(phone, inMs)) === 'busy') await sleep(lookMs);
    if (this.#phones.has(phone)) this.#noted.add(phone);
    else this.#begin(phone);
  }

  /** Finish the batches that are being published, and leave the rest to other workers. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const { queue } = this.#deps.stores.fanOuts;
    await Promise.all([
      this.#looking,
      ...this.#turns,
      ...[...this.#waiting.drain(), ...this.#waitingLong.drain()].map((phone) => queue.note(phone)),
    ]);
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      await sleep(lookMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        while ((await this.#deps.stores.fanOuts.adoptFormer()) && !signal.aborted);
        while ((await this.#takeDue()) && !signal.aborted);
      } catch (error) {
        this.#deps.log.warn({ err: error }, 'cannot look for contacts to notify');
      }
    }
  }

  /** @returns whether there may be more. */
  async #takeDue(): Promise<boolean> {
    const { queue } = this.#deps.stores.fanOuts;
    const { due } = await queue.look();
    let isAny = false;
    for (const task of due) {
      if (this.#phones.size >= maxPhones) return false;
      // From here on others look at the phones after it.
      if ((await queue.putOff(task, graceMs)) === 'changed') continue;
      isAny = true;
      this.#begin(task.phone);
    }
    return isAny;
  }

  #begin(phone: string): void {
    if (this.#stopped.signal.aborted || this.#phones.has(phone) || this.#phones.size >= maxPhones) return;
    this.#phones.add(phone);
    this.#waiting.push(phone);
    this.#fill();
  }

  #fill(): void {
    while (this.#turns.size < maxRunning) {
      const long = this.#long < maxLong ? this.#waitingLong.shift() : undefined;
      const phone = long ?? this.#waiting.shift();
      if (phone === undefined) return;
      const pass = { phone, isLong: long !== undefined, spentMs: 0 };
      if (pass.isLong) this.#long++;
      const turn: Promise<void> = this.#turn(pass).finally(() => {
        if (pass.isLong) this.#long--;
        this.#turns.delete(turn);
        this.#fill();
      });
      this.#turns.add(turn);
    }
  }

  /** Never throws. */
  async #turn(pass: Pass): Promise<void> {
    const { phone } = pass;
    this.#noted.delete(phone);
    const next = await this.#tell(pass).catch((error: unknown) => this.#failed(phone, error));
    if (this.#stopped.signal.aborted) return;
    if (next === 'long') this.#waitingLong.push(phone);
    else if (next === 'again' || (next === 'over' && this.#noted.has(phone))) this.#waiting.push(phone);
    else if (next === 'over') this.#phones.delete(phone);
    else {
      const end = () => {
        this.#phones.delete(phone);
        const wasNoted = this.#noted.delete(phone);
        if (next.isMore || wasNoted) this.#begin(phone);
      };
      setTimeout(end, next.restMs + leaseMarginMs).unref();
    }
  }

  async #tell(pass: Pass): Promise<Next> {
    const { phone } = pass;
    const { fanOuts } = this.#deps.stores;
    const { queue } = fanOuts;
    const lease = await fanOuts.lease(phone);
    // Who has it finds that the phone was noted again; if that one is dead, the phone is due again soon.
    if (lease === undefined) return 'over';
    let restMs = 0;
    try {
      const task = await queue.find(phone);
      const end = await this.#pass(pass, lease);
      if (end === 'long') return end;
      if (end === 'cut') {
        await queue.note(phone);
        return 'over';
      }
      if (end === 'moving') {
        if (task !== undefined) await queue.putOff(task, graceMs);
        return 'over';
      }
      if (end === 'none')
        return task === undefined || (await queue.done(task)) === 'stored' ? 'over' : 'again';
      restMs = Math.min(Math.max(restShare * pass.spentMs, end === 'newer' ? minRestMs : 0), maxRestMs);
      return { restMs, isMore: await this.#isMore(phone, restMs) };
    } finally {
      await lease.release(restMs);
    }
  }

  /** After a pass: whether there is another to come. If not, the queue forgets the phone. */
  async #isMore(phone: string, restMs: number): Promise<boolean> {
    const { stores } = this.#deps;
    const { queue } = stores.fanOuts;
    const task = await queue.find(phone);
    if (!(await isToBeTold(phone, stores)))
      return task !== undefined && (await queue.done(task)) === 'changed';
    if (task !== undefined) await queue.putOff(task, restMs + graceMs);
    return true;
  }

  /** @returns `'long'` when it has to wait before it goes on, `'cut'` when others are to go on. */
  async #pass(pass: Pass, lease: Lease): Promise<PassEnd | 'long' | 'cut'> {
    const { phone } = pass;
    const { stores, metrics } = this.#deps;
    const steps = fanOutPass(phone, stores, this.#skipping(phone));
    const half = lease.leftMs() / 2;
    const keepLease = async () => lease.leftMs() >= half || (await lease.extend());
    for (;;) {
      const step = await this.#step(pass, steps, keepLease);
      if (step === 'cut') return step;
      if (step.done) {
        if (step.value === 'told' || step.value === 'newer') metrics.passed();
        return step.value;
      }
      if (!(await keepLease())) {
        // Another worker may have told newer news before what this one has just written.
        if (step.value.isState) await stores.fanOuts.renewNews(phone);
        return 'cut';
      }
      if (this.#stopped.signal.aborted) return 'cut';
      if (pass.isLong || !step.value.isMore) continue;
      if (this.#long >= maxLong) return 'long';
      pass.isLong = true;
      this.#long++;
    }
  }

  #step(pass: Pass, steps: AsyncGenerator<ToldGroup, PassEnd>, keepLease: () => Promise<boolean>) {
    const step = async () => {
      const began = performance.now();
      const next = await steps.next();
      const isTold = next.done || (await this.#tellGroup(pass, next.value, keepLease));
      pass.spentMs += performance.now() - began;
      return isTold ? next : 'cut';
    };
    return pass.isLong ? this.#background.run(step) : step();
  }

  /** @returns false when the lease has lapsed while others had the bytes: nothing is changed then. */
  async #tellGroup(pass: Pass, group: ToldGroup, keepLease: () => Promise<boolean>): Promise<boolean> {
    const asked = performance.now();
    const letGo = await this.#budget.take(pass.phone, group.bytes);
    // It was others who took this time.
    pass.spentMs -= performance.now() - asked;
    try {
      if (!(await keepLease())) return false;
      await publishNotices(await group.notices(), this.#deps);
      await group.told();
      return true;
    } finally {
      letGo();
    }
  }

  /** Says once a pass that records cannot be read, and counts them. */
  #skipping(phone: string): (error: unknown) => void {
    const { log, metrics } = this.#deps;
    let isSaid = false;
    return (error) => {
      if (!isOfRecord(error)) throw error;
      metrics.contactSkipped();
      if (isSaid) return;
      isSaid = true;
      log.error({ phone: shortenPhone(phone), err: error }, 'contacts that cannot be read are not notified');
    };
  }

  async #failed(phone: string, error: unknown): Promise<Next> {
    const { log, stores } = this.#deps;
    const { queue } = stores.fanOuts;
    const isLeaving = error instanceof ConnectionClosed;
    if (!isLeaving)
      log.error({ phone: shortenPhone(phone), err: error }, 'notifying contacts failed; retrying');
    const task = await queue.find(phone).catch(() => undefined);
    const delayMs = isOfRecord(error) ? unreadableMs : failedMs;
    if (task !== undefined) await queue.putOff(task, isLeaving ? 1 : delayMs).catch(() => undefined);
    return 'over';
  }
}
