import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BrokerConnection,
  ConnectionClosed,
  type Publication,
  PublishRefused,
} from '../mqtt/connection.ts';
import type { Outbox } from '../store/outbox.ts';
import type { Log } from '../telemetry/log.ts';

/** What forwarding works with. */
export interface ForwardingParts {
  readonly outbox: Outbox;
  /** All of them; filled before the first publication. */
  readonly brokers: readonly BrokerConnection[];
  /** So long a broker that is connected may take to accept a publication; default 5 s. */
  readonly patienceMs?: number;
  readonly log: Log;
}

/** Between two looks at what is kept for a broker. */
const lookMs = 1_000;

/** A turn of sending is over when nothing was accepted for so long. */
const turnMs = 10_000;

const batch = 200;

/**
 * Publishes at brokers other than the one that a request came from, so that one that is away holds up nobody: what it
 * does not accept is kept in Redis, and published by some worker when it is back. It may be published twice then, never
 * not at all.
 * @see docs/delivery.md, "Several brokers"
 */
export class Forwarding {
  readonly #parts: ForwardingParts;
  readonly #stopped = new AbortController();

  constructor(parts: ForwardingParts) {
    this.#parts = parts;
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
  async publish(broker: BrokerConnection, publication: Publication): Promise<void> {
    if (broker.state.connected && (await this.#isAccepted(broker, publication))) return;
    // What only those may hear who are signed in now must not lie in Redis, to be said whoever is signed in later.
    if (publication.resend === false)
      throw new Error('what is not to be sent again is not kept for a broker');
    const answer = await this.#parts.outbox.keep(broker.address, write(publication));
    if (answer === 'busy') throw new Error('too much is kept for the broker already');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await sleep(lookMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      const { brokers, log } = this.#parts;
      // Of a single broker nothing is ever kept.
      for (const [place, broker] of brokers.length > 1 ? brokers.entries() : []) {
        try {
          const count = await this.#send(broker);
          if (count > 0) log.info({ broker: place + 1, count }, 'published what was kept for a broker');
        } catch (error) {
          if (!signal.aborted) log.warn({ broker: place + 1, err: error }, 'cannot publish what was kept');
        }
      }
    }
  }

  /** @returns how many publications the broker has taken. */
  async #send(broker: BrokerConnection): Promise<number> {
    const { outbox } = this.#parts;
    if (!broker.state.connected || (await outbox.isEmpty(broker.address))) return 0;
    const turn = await outbox.turn(broker.address, turnMs);
    if (turn === undefined) return 0;
    let count = 0;
    try {
      while (!this.#stopped.signal.aborted) {
        const kept = await turn.first(batch);
        if (kept.length === 0) break;
        const sent = await Promise.all(
          kept.map((text) => this.#isAccepted(broker, read(text)).catch(isRefusal)),
        );
        if (sent.includes(false)) break;
        await turn.sent(kept, turnMs);
        count += kept.length;
      }
    } finally {
      await turn.end();
    }
    return count;
  }

  /** @returns false when the broker does not accept it in time, or this side has left it. */
  async #isAccepted(broker: BrokerConnection, publication: Publication): Promise<boolean> {
    const timer = new AbortController();
    const late = sleep(this.#parts.patienceMs ?? 5_000, false, { signal: timer.signal }).catch(() => false);
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
