import { LAST_PACKET_ID } from './packet-ids.ts';

/** A QoS 1 message that the broker still counts as unacknowledged. */
export interface Unacknowledged {
  readonly packetId: number;
  readonly topic: string;
  readonly payload: Buffer;
  /** When it first came, on the clock of `performance.now`. */
  readonly receivedAt: number;
}

/** The messages that the broker waits for an acknowledgement of. */
export interface Unacked {
  readonly count: number;
  /** Of these, where the work is done. */
  readonly ackPending: number;
  /** How long the oldest has been here; 0 without any. */
  readonly oldestSeconds: number;
}

interface Entry extends Unacknowledged {
  /** Number of the connection that its PUBLISH last came on. */
  connection: number;
  handled: boolean;
  /** The message that the broker gave the same packet id while this one was still unacknowledged. */
  newer: Entry | undefined;
}

/**
 * Which PUBACKs are owed to the broker, and to which connection. Knows no socket: told what happens, it says what to
 * write.
 *
 *     PUBLISH ──add──▶ in work ──handled──▶ owed ──take──▶ written: the packet id is the broker's again
 *                         ▲                  ▲
 *                         └──── resent ──────┘   the same message on a newer connection: bound to that one
 *
 * - A PUBACK goes only to the connection that its PUBLISH last came on: on a newer one the same id may be another message.
 * - A message that the broker sends again while it is still here is known by packet id, topic and payload. Not by DUP,
 *   which brokers lose when they restore a session from disk; nor by the id alone, which a broker restored from an
 *   older snapshot gives out a second time.
 * - Without "session present" in the CONNACK all ids are void; the broker counts from 1 again.
 * - A broker that has given out all 65,535 ids reuses one that is still unacknowledged; the newer message then waits
 *   for the older, because the broker takes the first PUBACK for the older.
 *
 * A message whose PUBACK was written to a connection that broke is no longer known here: the broker may or may not have
 * read it, and when it comes again it is a new message. See docs/delivery.md.
 */
export class Acknowledgements {
  /** The oldest message under each packet id; no `Map`, for the reason that `LinkedSet` has. */
  readonly #oldest = new Array<Entry | undefined>(LAST_PACKET_ID + 1).fill(undefined);
  #connection = 0;
  #connected = false;
  /** The last connection that lasted until its subscription was confirmed. */
  #lastStable = 0;
  /** Packet ids under which something may be owed on the connection now up. */
  #touched: number[] = [];
  #ackPending = 0;

  /** Messages handled whose PUBACK is not written yet, also those that wait for the broker to send them again. */
  get ackPending(): number {
    return this.#ackPending;
  }

  /** Looks at all of them: for whoever asks now and then. */
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

  /** The subscription is confirmed: this connection is no longer one that broke as soon as it came up. */
  stable(): void {
    this.#lastStable = this.#connection;
  }

  /** The connection is gone. Nothing is owed to it any more; what it brought may come again on the next. */
  disconnected(): void {
    this.#connected = false;
    this.#touched = [];
  }

  /** @returns true when this PUBLISH is a message that is already here; it must not be handled a second time. */
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

  /** Take in a message that is not `resent`. */
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

  /** The PUBACKs to write now, on the connection now up, as bytes; they count as written. */
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
   * The broker sends messages again in their old order, so one under the same id that it has passed over is gone, and a
   * PUBACK for it would confirm another.
   */
  #dropPassedOver(oldest: Entry, until: Entry | undefined): void {
    this.#drop(oldest, until, (entry) => entry.connection !== this.#connection);
  }

  /** Handled messages that a whole connection did not bring back: the broker has forgotten them. */
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
