import { LAST_PACKET_ID } from './packet-ids.ts';

/** A QoS 1 message that the broker counts as unacknowledged. */
export interface Unacknowledged {
  readonly packetId: number;
  readonly topic: string;
  readonly payload: Buffer;
  /** When it first arrived, on the clock of `performance.now`. */
  readonly receivedAt: number;
}

/** The messages without an acknowledgement. */
export interface Unacked {
  readonly count: number;
  /** Of these, the ones whose work is done. */
  readonly ackPending: number;
  /** Age of the oldest; 0 without any. */
  readonly oldestSeconds: number;
}

interface Entry extends Unacknowledged {
  /** Number of the connection that last carried its PUBLISH. */
  connection: number;
  handled: boolean;
  /** A later message with the same packet id, which the broker reused while this one was unacknowledged. */
  newer: Entry | undefined;
}

/**
 * Decides which PUBACKs to write, and on which connection. It has no socket of its own: events go in, bytes come out.
 *
 *     PUBLISH ──add──▶ in work ──handled──▶ pending ──take──▶ written: the broker may reuse the packet id
 *                         ▲                    ▲
 *                         └────── resent ──────┘   the same message on a newer connection: bound to that one
 *
 * - A PUBACK goes only to the connection that last carried its PUBLISH: on a newer one the id may belong to another message.
 * - Packet id, topic and payload identify a message that the broker sends again. DUP does not: brokers lose it when they
 *   restore a session from disk. The id alone does not: a broker restored from an older snapshot reuses ids.
 * - Without "session present" in the CONNACK all ids are void: the broker counts from 1 again.
 * - After 65,535 ids the broker reuses one that is unacknowledged. The newer message then waits for the older, because
 *   the broker takes the first PUBACK for the older.
 *
 * A message is forgotten when its PUBACK is written. If the connection breaks then, the broker may send the message again,
 * and it counts as new. See docs/delivery.md.
 */
export class Acknowledgements {
  /** The oldest message under each packet id; no `Map`, for the reason at `LinkedSet`. */
  readonly #oldest = new Array<Entry | undefined>(LAST_PACKET_ID + 1).fill(undefined);
  #connection = 0;
  #connected = false;
  /** The last connection whose subscription was confirmed. */
  #lastStable = 0;
  /** Packet ids with an acknowledgement that may be pending on the current connection. */
  #touched: number[] = [];
  #ackPending = 0;

  /** Handled messages whose PUBACK is not written yet, including those that the broker must send again first. */
  get ackPending(): number {
    return this.#ackPending;
  }

  /** Computed from all messages: too slow to read for each request. */
  get unacked(): Unacked {
    const now = performance.now();
    const held = this.#oldest.filter((entry) => entry !== undefined);
    const oldest = held.reduce((time, { receivedAt }) => Math.min(time, receivedAt), now);
    return { count: held.length, ackPending: this.#ackPending, oldestSeconds: (now - oldest) / 1000 };
  }

  /** Whether `take` may have something to write. */
  get due(): boolean {
    return this.#touched.length > 0;
  }

  /** CONNACK. */
  connected(sessionPresent: boolean): void {
    if (sessionPresent) this.#forgetUnclaimed();
    else {
      this.#oldest.fill(undefined);
      this.#ackPending = 0;
    }
    this.#connection++;
    this.#connected = true;
  }

  /** The subscription is confirmed, so this connection did not break at once. */
  stable(): void {
    this.#lastStable = this.#connection;
  }

  /** The connection ended, and no PUBACK is pending on it. The broker may send its messages again on the next. */
  disconnected(): void {
    this.#connected = false;
    this.#touched = [];
  }

  /** @returns true when this PUBLISH repeats a message that is in work or pending; it must not be handled again. */
  resent(packetId: number, topic: string, payload: Buffer): boolean {
    const oldest = this.#oldest[packetId];
    if (oldest === undefined) return false;
    let entry: Entry | undefined = oldest;
    while (entry && (entry.connection === this.#connection || !isSame(entry, topic, payload)))
      entry = entry.newer;
    if (!entry) return false;
    this.#dropPassedOver(oldest, entry);
    entry.connection = this.#connection;
    if (entry.handled) this.#touched.push(packetId);
    return true;
  }

  /** Add a message that is not `resent`. */
  add(packetId: number, topic: string, payload: Buffer): Unacknowledged {
    const entry: Entry = {
      packetId,
      topic,
      payload,
      receivedAt: performance.now(),
      connection: this.#connection,
      handled: false,
      newer: undefined,
    };
    const oldest = this.#oldest[packetId];
    if (oldest) this.#dropPassedOver(oldest, undefined);
    let last = oldest && this.#oldest[packetId];
    if (!last) this.#oldest[packetId] = entry;
    else {
      while (last.newer) last = last.newer;
      last.newer = entry;
    }
    return entry;
  }

  /** The work on a message is done; call it once. */
  handled(message: Unacknowledged): void {
    const entry = message as Entry;
    entry.handled = true;
    if (!this.#isHere(entry)) return;
    this.#ackPending++;
    if (this.#connected) this.#touched.push(entry.packetId);
  }

  /** The bytes of the PUBACKs to write now on the current connection; they count as written. */
  take(): Buffer | undefined {
    if (this.#touched.length === 0) return undefined;
    const ids: number[] = [];
    for (const id of this.#touched) this.#release(id, ids);
    this.#touched = [];
    if (ids.length === 0) return undefined;
    const bytes = Buffer.allocUnsafe(ids.length * 4);
    let at = 0;
    for (const id of ids) {
      bytes[at++] = 0x40; // PUBACK; of reason code 0 nothing more is written (MQTT 5.0, 3.4.2.1)
      bytes[at++] = 0x02;
      bytes[at++] = id >> 8;
      bytes[at++] = id & 0xff;
    }
    return bytes;
  }

  #release(id: number, ids: number[]): void {
    let entry = this.#oldest[id];
    while (entry?.handled && entry.connection === this.#connection) {
      ids.push(id);
      this.#ackPending--;
      entry = this.#replaceOldest(id, entry.newer);
    }
  }

  /**
   * Drop messages that the broker has skipped: it sends again in the old order, so it has forgotten them. A PUBACK for
   * one would confirm another message.
   */
  #dropPassedOver(oldest: Entry, until: Entry | undefined): void {
    this.#drop(oldest, until, (entry) => entry.connection !== this.#connection);
  }

  /** Drop handled messages that the broker did not send again on a whole connection: it has forgotten them. */
  #forgetUnclaimed(): void {
    for (const oldest of this.#oldest) {
      if (oldest)
        this.#drop(oldest, undefined, (entry) => entry.handled && entry.connection < this.#lastStable);
    }
  }

  /** Of the messages under one id, drop those that are `gone` and stand before `until`. */
  #drop(oldest: Entry, until: Entry | undefined, gone: (entry: Entry) => boolean): void {
    let kept: Entry | undefined;
    for (let entry: Entry | undefined = oldest; entry && entry !== until; entry = entry.newer) {
      if (!gone(entry)) kept = entry;
      else {
        if (entry.handled) this.#ackPending--;
        if (kept) kept.newer = entry.newer;
        else this.#replaceOldest(entry.packetId, entry.newer);
      }
    }
  }

  #replaceOldest(id: number, entry: Entry | undefined): Entry | undefined {
    this.#oldest[id] = entry;
    return entry;
  }

  #isHere(sought: Entry): boolean {
    let entry = this.#oldest[sought.packetId];
    while (entry && entry !== sought) entry = entry.newer;
    return entry !== undefined;
  }
}

function isSame(entry: Entry, topic: string, payload: Buffer): boolean {
  return entry.topic === topic && entry.payload.equals(payload);
}
