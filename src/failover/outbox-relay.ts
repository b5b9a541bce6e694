import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionClosed, type Publication, type Publisher, PublishRefused } from '../mqtt/connection.ts';
import type { Outbox } from '../store/outbox.ts';
import type { Log } from '../telemetry/log.ts';

/** What forwarding works with. */
export interface OutboxRelayDeps {
  readonly outbox: Outbox;
  /** All of them; filled before the first publication. */
  readonly brokers: readonly Publisher[];
  /** So long a broker that is connected may take to accept a publication; default 5 s. */
  readonly publishTimeoutMs?: number;
  readonly log: Log;
}

/** Between two looks at what is kept for a broker. */
const pollMs = 1_000;

/** A turn of sending is over when nothing was accepted for so long. */
const leaseMs = 10_000;

const batchSize = 200;

/**
 * Publishes at brokers other than the one that a request came from, so that one that is away holds up nobody: what it
 * does not accept is kept in Redis, and published by some worker when it is back. It may be published twice then, never
 * not at all.
 * @see docs/delivery.md, "Several brokers"
 */
export class OutboxRelay {
  readonly #deps: OutboxRelayDeps;
  readonly #stopped = new AbortController();

  constructor(deps: OutboxRelayDeps) {
    this.#deps = deps;
    void this.#run();
  }

  /** Send no more of what is kept; other workers do, or the next. */
  stop(): void {
    this.#stopped.abort();
  }

  /**
   * Publish, or keep what is to be published.
   * @throws PublishRefused when the broker refuses it.
   */
  async publish(broker: Publisher, publication: Publication): Promise<void> {
    if (broker.state.connected && (await this.#isAccepted(broker, publication))) return;
    // What only those may hear who are signed in now must not lie in Redis, to be said whoever is signed in later.
    if (publication.resend === false)
      throw new Error('what is not to be sent again is not kept for a broker');
    const answer = await this.#deps.outbox.keep(broker.address, write(publication));
    if (answer === 'busy') throw new Error('the outbox of the broker is full');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await sleep(pollMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      const { brokers, log } = this.#deps;
      // Of a single broker nothing is ever kept.
      for (const [index, broker] of brokers.length > 1 ? brokers.entries() : []) {
        try {
          const count = await this.#send(broker);
          if (count > 0)
            log.info({ broker: index + 1, count }, 'published the notices in the outbox of a broker');
        } catch (error) {
          if (!signal.aborted)
            log.warn({ broker: index + 1, err: error }, 'cannot publish the notices in the outbox');
        }
      }
    }
  }

  /** @returns how many publications the broker has taken. */
  async #send(broker: Publisher): Promise<number> {
    const { outbox } = this.#deps;
    if (!broker.state.connected || (await outbox.isEmpty(broker.address))) return 0;
    const lease = await outbox.acquireLease(broker.address, leaseMs);
    if (lease === undefined) return 0;
    let count = 0;
    try {
      while (!this.#stopped.signal.aborted) {
        const kept = await lease.peek(batchSize);
        if (kept.length === 0) break;
        const sent = await Promise.all(
          kept.map((text) => this.#isAccepted(broker, read(text)).catch(isRefusal)),
        );
        if (sent.includes(false)) break;
        await lease.remove(kept, leaseMs);
        count += kept.length;
      }
    } finally {
      await lease.release();
    }
    return count;
  }

  /** @returns false when the broker does not accept it in time, or this side has left it. */
  async #isAccepted(broker: Publisher, publication: Publication): Promise<boolean> {
    const timer = new AbortController();
    const late = sleep(this.#deps.publishTimeoutMs ?? 5_000, false, { signal: timer.signal }).catch(
      () => false,
    );
    const accepted = broker.publish(publication).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ConnectionClosed) return false;
        throw error;
      },
    );
    try {
      return await Promise.race([accepted, late]);
    } finally {
      timer.abort();
      accepted.catch(() => undefined); // a refusal that comes too late for anybody
    }
  }
}

/** What the broker refuses, it would refuse again. */
function isRefusal(error: unknown): boolean {
  return error instanceof PublishRefused;
}

function write({ topic, payload, qos, contentType, correlationData }: Publication): string {
  const [body, data] = [payload, correlationData].map((bytes) => bytes?.toString('base64'));
  return JSON.stringify([topic, body, qos, contentType ?? null, data ?? null]);
}

function read(text: string): Publication {
  const [topic, body, qos, contentType, data] = JSON.parse(text) as [
    string,
    string,
    0 | 1 | 2,
    string | null,
    string | null,
  ];
  return {
    topic,
    payload: Buffer.from(body, 'base64'),
    qos,
    ...(contentType !== null && { contentType }),
    ...(data !== null && { correlationData: Buffer.from(data, 'base64') }),
  };
}
