import { setTimeout as sleep } from 'node:timers/promises';
import { inTime } from '../lib/in-time.ts';
import { ConnectionClosed, type Publication, type Publisher, PublishRefused } from '../mqtt/connection.ts';
import type { Outbox } from '../store/outbox.ts';
import type { Log } from '../telemetry/log.ts';

/** What the outbox relay needs. */
export interface OutboxRelayDeps {
  readonly outbox: Outbox;
  /** All of them; filled before the first publication. */
  readonly brokers: readonly Publisher[];
  /** Maximum time for a connected broker to accept a publication; default 5 s. */
  readonly publishTimeoutMs?: number;
  readonly log: Log;
}

/** Pause between two looks at the outbox of a broker. */
const pollMs = 1_000;

/** A lease ends when the broker accepts nothing for this long. */
const leaseMs = 10_000;

const batchSize = 200;

/**
 * Publishes at brokers other than the one that delivered the request. What such a broker does not accept waits in an outbox
 * in Redis, so that no request waits for the broker. Some worker publishes it later, at least once.
 * @see docs/delivery.md, "Several brokers"
 */
export class OutboxRelay {
  readonly #deps: OutboxRelayDeps;
  readonly #stopped = new AbortController();

  constructor(deps: OutboxRelayDeps) {
    this.#deps = deps;
    void this.#run();
  }

  /** Stop publishing from the outbox. Other workers continue. */
  stop(): void {
    this.#stopped.abort();
  }

  /**
   * Publish, or put it into the outbox of the broker.
   * @throws PublishRefused when the broker refuses it.
   */
  async publish(broker: Publisher, publication: Publication): Promise<void> {
    if (broker.state.connected && (await this.#isAccepted(broker, publication))) return;
    // The outbox must not hold what only the clients signed in now may receive: others may be signed in later.
    if (publication.resend === false)
      throw new Error('a publication without resend cannot go into an outbox');
    const answer = await this.#deps.outbox.keep(broker.address, write(publication));
    if (answer === 'busy') throw new Error('the outbox of the broker is full');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      await sleep(pollMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const { brokers, log } = this.#deps;
      // A single broker has no outbox.
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

  /** @returns the number of publications that the broker accepted. */
  async #send(broker: Publisher): Promise<number> {
    const { outbox } = this.#deps;
    if (!broker.state.connected || (await outbox.isEmpty(broker.address))) return 0;
    const lease = await outbox.acquireLease(broker.address, leaseMs);
    if (lease === undefined) return 0;
    let count = 0;
    try {
      while (!this.#stopped.signal.aborted) {
        const kept = await outbox.peek(broker.address, batchSize);
        if (kept.length === 0) break;
        const sent = await Promise.all(
          kept.map(({ publication }) => this.#isDone(broker, read(publication))),
        );
        if (sent.includes(false)) break;
        await outbox.remove(broker.address, kept);
        count += kept.length;
        if (!(await lease.extend())) break;
      }
    } finally {
      await lease.release();
    }
    return count;
  }

  /** What has expired or is refused is done too. */
  async #isDone(broker: Publisher, publication: Publication | undefined): Promise<boolean> {
    return publication === undefined || this.#isAccepted(broker, publication).catch(isRefusal);
  }

  /** @returns false when the broker does not accept it in time, or this side has left it. */
  async #isAccepted(broker: Publisher, publication: Publication): Promise<boolean> {
    const accepted = broker.publish(publication).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ConnectionClosed) return false;
        throw error;
      },
    );
    return inTime(accepted, this.#deps.publishTimeoutMs ?? 5_000, false);
  }
}

/** A broker that refused a publication would refuse it again. */
function isRefusal(error: unknown): boolean {
  return error instanceof PublishRefused;
}

function write({ topic, payload, qos, contentType, correlationData, expirySeconds }: Publication): string {
  const [body, data] = [payload, correlationData].map((bytes) => bytes?.toString('base64'));
  const expiresAt = expirySeconds === undefined ? null : Date.now() + expirySeconds * 1000;
  return JSON.stringify([topic, body, qos, contentType ?? null, data ?? null, expiresAt]);
}

/** @returns what is left of it: its expiry is less by the time in the outbox; `undefined` when that has passed. */
function read(text: string): Publication | undefined {
  const [topic, body, qos, contentType, data, expiresAt] = JSON.parse(text) as [
    string,
    string,
    0 | 1 | 2,
    string | null,
    string | null,
    number | null | undefined, // absent where an earlier version wrote it
  ];
  const leftSeconds = Math.ceil(((expiresAt ?? Number.POSITIVE_INFINITY) - Date.now()) / 1000);
  if (leftSeconds <= 0) return undefined;
  return {
    topic,
    payload: Buffer.from(body, 'base64'),
    qos,
    ...(Number.isFinite(leftSeconds) && { expirySeconds: leftSeconds }),
    ...(contentType !== null && { contentType }),
    ...(data !== null && { correlationData: Buffer.from(data, 'base64') }),
  };
}
