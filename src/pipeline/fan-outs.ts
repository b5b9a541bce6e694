import { setTimeout as sleep } from 'node:timers/promises';
import { type FanOutStores, fanOutSlice, type SliceEnd } from '../handlers/fan-out.ts';
import type { Notice } from '../handlers/outcome.ts';
import { Fifo } from '../lib/fifo.ts';
import { shortenPhone } from '../lib/shorten-phone.ts';
import { ConnectionClosed, type Publication, type Publisher } from '../mqtt/connection.ts';
import { sessionTopic } from '../protocol/topics.ts';
import type { Lease } from '../store/leases.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { contentType } from './content-type.ts';
import type { NoticePublisher } from './responder.ts';

export interface FanOutsDeps {
  readonly stores: FanOutStores;
  /** All of them: nobody knows where a counterparty's devices are. */
  readonly brokers: readonly Publisher[];
  /** For brokers of which there are several: none waits for another. */
  readonly outboxRelay: NoticePublisher;
  readonly replyQos: 0 | 1 | 2;
  /** So long the broker keeps a notice that nobody fetches. */
  readonly replyExpirySeconds: number;
  readonly metrics: Pick<Metrics, 'limiter' | 'noticed' | 'publishRefused'>;
  readonly log: Log;
}

/** So many slices run at a time. Each keeps the contacts of one phone in memory. */
const maxRunning = 16;

/** So many phones have their turn here; the queue in Redis keeps the others. */
const maxPhones = 1_000;

/** Another worker looks at a phone that is noted, or taken from the queue, after so long. */
const graceMs = 3_000;

/** What changes while contacts are told is told after this pause, so that many changes are told once. */
const pauseMs = 500;

/** Pause between two looks at the queue. */
const lookMs = 1_000;

/** Delay of a phone after a failure. */
const failedMs = 30_000;

/** What is to be done with a phone after a slice: nothing here, the next slice, or that after a pause. */
type Next = 'over' | 'again' | 'later';

/**
 * Tells contacts what the stores have noted for them, in the background: requests do not wait for it, and any worker can do it.
 * Phones have their turns in order, a slice each. So a phone with many contacts does not hold up one with few.
 * @see docs/design.md, "One work queue"
 */
export class FanOuts {
  readonly name = 'fan-out';
  readonly #deps: FanOutsDeps;
  readonly #stopped = new AbortController();
  /** The phones that have their turn here, or had it and pause. */
  readonly #phones = new Set<string>();
  /** Those of them that were noted again. */
  readonly #noted = new Set<string>();
  readonly #waiting = new Fifo<string>();
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
    return this.#waiting.length;
  }

  /** Put a phone into the queue and begin. Done when the queue has it: from then on whoever lives tells its contacts. */
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
      ...this.#waiting.drain().map((phone) => queue.note(phone)),
    ]);
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      await sleep(lookMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
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
      const phone = this.#waiting.shift();
      if (phone === undefined) return;
      const turn: Promise<void> = this.#turn(phone).finally(() => {
        this.#turns.delete(turn);
        this.#fill();
      });
      this.#turns.add(turn);
    }
  }

  /** Never throws. */
  async #turn(phone: string): Promise<void> {
    this.#noted.delete(phone);
    const next = await this.#slice(phone).catch((error: unknown) => this.#failed(phone, error));
    if (this.#stopped.signal.aborted) return;
    if (next === 'again' || (next === 'over' && this.#noted.has(phone))) {
      this.#waiting.push(phone);
    } else if (next === 'later') {
      setTimeout(() => {
        this.#phones.delete(phone);
        this.#begin(phone);
      }, pauseMs).unref();
    } else this.#phones.delete(phone);
  }

  async #slice(phone: string): Promise<Next> {
    const { fanOuts } = this.#deps.stores;
    const { queue } = fanOuts;
    const lease = await fanOuts.lease(phone);
    // Who has it finds that the phone was noted again; if that one is dead, the phone is due again soon.
    if (lease === undefined) return 'over';
    try {
      const task = await queue.find(phone);
      const end = await this.#tell(phone, lease);
      if (end === 'more') return 'again';
      if (end === 'newer' || end === 'moving') {
        if (task !== undefined) await queue.putOff(task, graceMs);
        return end === 'newer' ? 'later' : 'over';
      }
      if (end === 'cut') {
        await queue.note(phone);
        return 'over';
      }
      return task === undefined || (await queue.done(task)) === 'stored' ? 'over' : 'again';
    } finally {
      await lease.release();
    }
  }

  async #tell(phone: string, lease: Lease): Promise<SliceEnd | 'cut'> {
    const steps = fanOutSlice(phone, this.#deps.stores);
    const half = lease.leftMs() / 2;
    for (;;) {
      const step = await steps.next();
      if (step.done) return step.value;
      await this.#publish(step.value);
      if (lease.leftMs() < half && !(await lease.extend())) {
        // Another worker may have told newer news before what this one has just written.
        await this.#deps.stores.fanOuts.renewNews(phone);
        return 'cut';
      }
      if (this.#stopped.signal.aborted) return 'cut';
    }
  }

  async #failed(phone: string, error: unknown): Promise<Next> {
    const { log, stores } = this.#deps;
    const { queue } = stores.fanOuts;
    const isLeaving = error instanceof ConnectionClosed;
    if (!isLeaving)
      log.error({ phone: shortenPhone(phone), err: error }, 'notifying contacts failed; retrying');
    const task = await queue.find(phone).catch(() => undefined);
    if (task !== undefined) await queue.putOff(task, isLeaving ? 1 : failedMs).catch(() => undefined);
    return 'over';
  }

  async #publish(notices: readonly Notice[]): Promise<void> {
    const { brokers, replyQos: qos, replyExpirySeconds: expirySeconds, metrics } = this.#deps;
    const publishing = notices.flatMap(({ phone, payload }) => {
      const publication = { topic: sessionTopic(phone), payload, qos, expirySeconds, contentType };
      return brokers.map((broker) => this.#accepted(broker, publication));
    });
    await Promise.all(publishing);
    metrics.noticed(notices.length);
  }

  /** A broker that refuses a notice would refuse it again: it is counted and logged. */
  async #accepted(broker: Publisher, publication: Publication): Promise<void> {
    const { brokers, outboxRelay, metrics, log } = this.#deps;
    try {
      await (brokers.length === 1 ? broker.publish(publication) : outboxRelay.publish(broker, publication));
    } catch (error) {
      if (error instanceof ConnectionClosed) throw error;
      metrics.publishRefused('notice');
      log.warn({ kind: 'notice', err: error }, 'a broker refused a publish');
    }
  }
}
