import { hash } from 'node:crypto';
import { ConcurrencyLimiter } from '../lib/concurrency-limiter.ts';
import { inTime } from '../lib/in-time.ts';
import { shortenPhone } from '../lib/shorten-phone.ts';
import type { Delivery } from '../mqtt/connection.ts';
import { openPoison, type PoisonStore, type Verdict } from '../store/poison.ts';
import type { Database } from '../store/redis/database.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What the guard works with. */
export interface PoisonGuardDeps {
  readonly store: PoisonStore;
  /** At 0 nobody confirms an answer. */
  readonly replyQos: 0 | 1 | 2;
  readonly metrics: Pick<Metrics, 'poisoned'>;
  readonly log: Log;
}

/** What can become of a redelivered request. */
export interface RedeliverySteps {
  /** The asking client, as far as the topic names it: the payload is not read. */
  readonly client: string;
  /** Handle, answer and acknowledge it. */
  handle(redelivery: Redelivery): Promise<void>;
  /** Whether a record says what became of it. */
  hasRecord(phone: string): Promise<boolean>;
  /** Tell the client that it is given up. */
  refuse(): Promise<void>;
}

/** A redelivered request that is being handled. */
export interface Redelivery {
  /** It could be read. */
  note(phone: string, kind: string): Promise<void>;
  /** It was handled to its end, and this process lives. */
  survived(): Promise<void>;
}

/** A suspect is handled alone for so long; what ends a process does so soon, and slow suspects must not add up. */
const ALONE_MS = 1_000;

/**
 * Gives up requests that end the worker that has them, so that one request does not stop all workers in turn.
 *
 * Only redeliveries are counted, each when it is about to be handled; the first delivery is known to have ended badly.
 * A count is forgotten when the request was handled to its end: then it is innocent, and another one, or a cut wire, was
 * to blame. A request that was begun once before is suspect, and handled alone, so that only one of those that were in
 * flight together can be begun at the next end of the process. After three ends it is given up unread; but one whose
 * record says that it is done is tried once more, as only its answer is left.
 * @see docs/delivery.md, "Poison requests"
 */
export class PoisonGuard {
  readonly #deps: PoisonGuardDeps;
  readonly #alone = new ConcurrencyLimiter({
    name: 'suspects',
    concurrency: 1,
    maxQueued: Number.POSITIVE_INFINITY,
  });
  readonly #begun = new Set<string>();
  #isLeaving = false;

  constructor(deps: PoisonGuardDeps) {
    this.#deps = deps;
  }

  /** Take a redelivered request to its end. */
  async take(delivery: Delivery, steps: RedeliverySteps): Promise<void> {
    const id = idOf(delivery);
    const verdict = await this.#begin(id, false);
    if (verdict !== 'suspect') return this.#act(verdict, id, delivery, steps);
    let work: Promise<void> | undefined;
    await this.#alone.run(async () => {
      work = this.#act(await this.#begin(id, true), id, delivery, steps);
      await inTime(work, ALONE_MS, undefined);
    });
    await work;
  }

  /** The worker stops in good order: what it leaves to others now is no fault of a request. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await Promise.all([...this.#begun].map((id) => this.#forgive(id)));
  }

  async #act(verdict: Verdict, id: string, delivery: Delivery, steps: RedeliverySteps): Promise<void> {
    const mayBeTried = verdict === 'stored' || (verdict === 'poisoned' && (await this.#isDone(id, steps)));
    if (!mayBeTried) return this.#giveUp(verdict, id, delivery, steps);
    this.#begun.add(id);
    try {
      await steps.handle({
        note: (phone, kind) => this.#deps.store.note(id, phone, kind).catch(this.#failed),
        survived: () => this.#survived(id, delivery),
      });
    } finally {
      this.#begun.delete(id);
    }
  }

  async #giveUp(verdict: Verdict, id: string, delivery: Delivery, steps: RedeliverySteps): Promise<void> {
    const { store, metrics, log } = this.#deps;
    const { payload } = delivery;
    const noted = await store.noted(id).catch(this.#failed);
    const [kind, phone] = [noted?.kind, noted && shortenPhone(noted.phone)];
    const request = { id, at: new Date(), client: steps.client, kind, phone, bytes: payload.length, payload };
    if ((await store.keep(request).catch(this.#failed)) !== 'done') {
      metrics.poisoned();
      log.error({ id, kind, phone }, 'a request was given up: three times its worker or connection ended');
    }
    if (verdict !== 'silent') await steps.refuse();
    delivery.acknowledge();
  }

  /** An answer at QoS 0 may have ended the connection: a round trip behind it shows that it did not. */
  async #survived(id: string, delivery: Delivery): Promise<void> {
    if (this.#deps.replyQos === 0 && !(await delivery.isStillOwned())) return;
    await this.#forgive(id);
  }

  async #isDone(id: string, steps: RedeliverySteps): Promise<boolean> {
    const noted = await this.#deps.store.noted(id).catch(this.#failed);
    if (!noted) return false;
    return (await steps.hasRecord(noted.phone).catch(this.#failed)) ?? false;
  }

  /** What Redis refuses to count is handled uncounted. */
  async #begin(id: string, alone: boolean): Promise<Verdict> {
    const options = { alone, counts: !this.#isLeaving };
    return (await this.#deps.store.begin(id, options).catch(this.#failed)) ?? 'stored';
  }

  async #forgive(id: string): Promise<void> {
    await this.#deps.store.forgive(id).catch(this.#failed);
  }

  readonly #failed = (error: unknown): undefined => {
    this.#deps.log.error({ err: error }, 'a redelivery could not be counted');
  };
}

/** A count outlives the broker's session by this, so that no redelivery finds it gone. */
const countMarginSeconds = 300;

export interface PoisonGuardSettings {
  readonly mqtt: { readonly sessionExpirySeconds: number; readonly replyQos: 0 | 1 | 2 };
  readonly verifySecret: string;
}

export function openPoisonGuard(
  { mqtt, verifySecret }: PoisonGuardSettings,
  redis: Database,
  deps: Pick<PoisonGuardDeps, 'metrics' | 'log'>,
): PoisonGuard {
  const store = openPoison(redis, mqtt.sessionExpirySeconds + countMarginSeconds, verifySecret);
  return new PoisonGuard({ store, replyQos: mqtt.replyQos, ...deps });
}

/** Tells a request from any other, without reading its payload. */
function idOf({ broker, packetId, topic, payload }: Delivery): string {
  const head = JSON.stringify([broker.session, packetId, topic]);
  return hash('sha256', Buffer.concat([Buffer.from(head), payload]), 'hex').slice(0, 24);
}
