import type { IConnackPacket, MqttClient, Packet } from 'mqtt';
import { Fifo } from '../lib/fifo.ts';
import { LinkedMember, LinkedSet } from '../lib/linked-set.ts';
import type { Publication } from './broker.ts';
import { LAST_PUBLICATION_ID } from './packet-ids.ts';
import {
  ConnectionClosed,
  IMPLEMENTATION_SPECIFIC_ERROR,
  PublishRefused,
  Reconnected,
} from './publish-errors.ts';
import { publishPacket, pubrelPacket } from './publish-packet.ts';
import { type BrokerLimits, noLimits } from './publishable.ts';
import { type Ending, type Suspect, Suspects } from './suspects.ts';
import type { WriteBatcher } from './write-batcher.ts';

/** Bytes that may wait in the socket before publishing pauses until they have left. */
const SOCKET_BYTES = 256 * 1024;
/** Less than a broker may allow (65,535), because a reconnect sends all unconfirmed publications again. */
const MAX_UNCONFIRMED = 1024;
/**
 * Payload that may be unconfirmed at QoS 2 before publishing pauses. The broker keeps it until the PUBREL, and refuses what is
 * beyond its own bound: `max_inflight_bytes` in mosquitto/mosquitto.conf, which is no smaller.
 */
const MAX_QOS2_BYTES = 1_048_576;
// MQTT 5.0, 2.4
const FIRST_FAILURE = 0x80;
const PACKET_ID_NOT_FOUND = 0x92;

class Pending extends LinkedMember implements Suspect {
  readonly publication: Publication;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** 0 until it is sent. */
  packetId = 0;
  /** The broker has received it and waits for the PUBREL (QoS 2). */
  isReceived = false;
  isSuspect = false;
  readonly subject: object;

  constructor(publication: Publication, resolve: () => void, reject: (error: Error) => void) {
    super();
    this.subject = publication.again ?? publication;
    this.publication = publication;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/**
 * Sends publications in order, with at most the broker's Receive Maximum unconfirmed at a time.
 *
 *     queued ──send──▶ unconfirmed ──PUBACK, PUBCOMP──▶ done
 *        ▲                  │
 *        └──── CONNACK ─────┘   before the others: under its packet id when the broker still has the session
 *
 * When the broker ended the last connection, `Suspects` decides when to send each again, and which one to drop.
 *
 * Without the session, packet ids and half-done QoS 2 exchanges are void, so all publications start anew.
 *
 * MQTT.js keeps the connection and reads packets; this class writes PUBLISH packets. The `publish` of MQTT.js copies each
 * packet for its store, and its merged options become garbage of the old generation.
 */
export class Outbound {
  readonly #client: MqttClient;
  readonly #writes: WriteBatcher;
  readonly #queue = new Fifo<Pending>();
  readonly #unconfirmed = new LinkedSet<Pending>();
  /** By packet id, including those to be sent again under it; no `Map`, for the reason at `LinkedSet`. */
  readonly #identified = new Array<Pending | undefined>(LAST_PUBLICATION_ID + 1).fill(undefined);
  /** Random, because the broker may have half of an exchange of the last process. */
  #lastId = 1 + Math.floor(Math.random() * LAST_PUBLICATION_ID);
  #open = false;
  #closed = false;
  #window = 0;
  /** Payload of the unconfirmed publications at QoS 2. */
  #qos2Bytes = 0;
  #limits: BrokerLimits = noLimits;
  readonly #suspects = new Suspects<Pending>();
  #draining: MqttClient['stream'] | undefined;

  constructor(client: MqttClient, writes: WriteBatcher) {
    this.#client = client;
    this.#writes = writes;
  }

  get idle(): boolean {
    return this.#queue.length === 0 && this.#unconfirmed.size === 0;
  }

  publish(publication: Publication): Promise<void> {
    if (this.#closed) return Promise.reject(new ConnectionClosed());
    return new Promise((resolve, reject) => {
      const pending = new Pending(publication, resolve, reject);
      if (publication.again !== undefined) this.#suspects.returned(pending);
      this.#queue.push(pending);
      this.#send();
    });
  }

  /** CONNACK. */
  connected({ sessionPresent, properties }: IConnackPacket): void {
    this.#window = Math.min(properties?.receiveMaximum ?? MAX_UNCONFIRMED, MAX_UNCONFIRMED);
    this.#limits = {
      largestPacket: properties?.maximumPacketSize ?? noLimits.largestPacket,
      highestQos: (properties?.maximumQoS ?? noLimits.highestQos) as 0 | 1 | 2,
      retains: properties?.retainAvailable ?? noLimits.retains,
    };
    const culprit = this.#suspects.accepted(sessionPresent);
    if (culprit) this.#drop(culprit);
    this.#queue.unshift(this.#unconfirmed.clear());
    this.#qos2Bytes = 0;
    if (!sessionPresent) this.#forgetIds();
  }

  /** MQTT.js accepts packets. */
  opened(): void {
    this.#open = true;
    this.#draining = undefined;
    this.#rejectStale();
    this.#send();
  }

  /** Sending waits for `proven`: a waiting publication may have ended the last connection. */
  get needProof(): boolean {
    return this.#suspects.needProof;
  }

  /** Several round trips succeeded on this connection. */
  proven(): void {
    this.#suspects.proven();
    this.#send();
  }

  /** The connection ended or failed; unconfirmed publications wait for the next. */
  suspended(ending: Ending): void {
    this.#open = false;
    this.#suspects.ended([...this.#unconfirmed], ending);
  }

  /** Reject all unconfirmed publications, and all later ones. */
  close(): void {
    this.#open = false;
    this.#closed = true;
    const pending = [...this.#unconfirmed.clear(), ...this.#queue.drain()];
    for (const { reject } of pending) reject(new ConnectionClosed());
  }

  /** Handles a received packet; one that confirms nothing is ignored. */
  received(packet: Packet): void {
    if (packet.cmd !== 'puback' && packet.cmd !== 'pubrec' && packet.cmd !== 'pubcomp') return;
    const { cmd, messageId = 0, reasonCode = 0 } = packet;
    const pending = this.#identified[messageId];
    if (!pending?.isMember) return;
    if (cmd === 'pubrec' && reasonCode < FIRST_FAILURE) {
      pending.isReceived = true;
      this.#write([pubrelPacket(messageId)]);
    } else this.#confirmed(pending, reasonCode);
  }

  #rejectStale(): void {
    for (const pending of this.#queue.drain()) {
      if (pending.publication.resend !== false) this.#queue.push(pending);
      else {
        this.#identified[pending.packetId] = undefined;
        const wasSuspect = this.#suspects.withdrawn(pending);
        pending.reject(new Reconnected(wasSuspect ? pending.subject : undefined));
      }
    }
  }

  #forgetIds(): void {
    for (const pending of this.#identified) {
      if (pending === undefined) continue;
      pending.packetId = 0;
      pending.isReceived = false;
    }
    this.#identified.fill(undefined);
  }

  #send(): void {
    for (let next = this.#queue.peek(); next && this.#maySend(next); next = this.#queue.peek()) {
      this.#queue.shift();
      this.#hand(next);
    }
  }

  #maySend({ publication }: Pending): boolean {
    const { stream } = this.#client;
    if (!this.#open || !stream.writable) return false;
    if (!this.#suspects.allow(this.#unconfirmed.size)) return false;
    if (publication.qos > 0 && this.#unconfirmed.size >= this.#window) return false;
    if (publication.qos === 2 && this.#qos2Bytes >= MAX_QOS2_BYTES) return false;
    if (stream.writableLength < SOCKET_BYTES) return true;
    if (this.#draining !== stream) {
      this.#draining = stream;
      stream.once('drain', () => {
        if (this.#draining === stream) this.#draining = undefined;
        this.#send();
      });
    }
    return false;
  }

  #hand(pending: Pending): void {
    const { publication } = pending;
    // A QoS 2 exchange would have to continue on the next connection.
    const { highestQos } = this.#limits;
    const highest = publication.resend === false ? Math.min(highestQos, 1) : highestQos;
    const qos = Math.min(publication.qos, highest) as 0 | 1 | 2;
    const isResent = qos > 0 && pending.packetId > 0;
    if (qos > 0 && !isResent) this.#identify(pending);
    const pieces = this.#packet(pending, qos, isResent);
    if (pieces instanceof PublishRefused) {
      this.#identified[pending.packetId] = undefined;
      this.#suspects.confirmed(pending);
      pending.reject(pieces);
      return;
    }
    if (qos > 0) {
      this.#unconfirmed.add(pending);
      if (publication.qos === 2) this.#qos2Bytes += publication.payload.length;
    }
    this.#write(pieces);
    if (qos === 0) pending.resolve();
  }

  #write(pieces: readonly Buffer[]): void {
    this.#writes.schedule();
    const { stream } = this.#client;
    if (!stream.writable) return; // the next connection sends it again
    for (const piece of pieces) stream.write(piece);
  }

  #identify(pending: Pending): void {
    do this.#lastId = this.#lastId === LAST_PUBLICATION_ID ? 1 : this.#lastId + 1;
    while (this.#identified[this.#lastId]);
    this.#identified[this.#lastId] = pending;
    pending.packetId = this.#lastId;
  }

  /** @returns a refusal for what would make the broker end each connection that sends it. */
  #packet({ publication, packetId, isReceived }: Pending, qos: 0 | 1 | 2, isResent: boolean) {
    if (isReceived) return [pubrelPacket(packetId)];
    try {
      return publishPacket(publication, { qos, packetId, isResent }, this.#limits);
    } catch (error) {
      if (error instanceof PublishRefused) return error;
      throw error;
    }
  }

  #drop(culprit: Pending): void {
    this.#unconfirmed.delete(culprit);
    this.#identified[culprit.packetId] = undefined;
    culprit.reject(new PublishRefused(IMPLEMENTATION_SPECIFIC_ERROR, 'the broker ends the connection at it'));
  }

  #confirmed(pending: Pending, reasonCode: number): void {
    this.#unconfirmed.delete(pending);
    if (pending.publication.qos === 2) this.#qos2Bytes -= pending.publication.payload.length;
    this.#identified[pending.packetId] = undefined;
    this.#suspects.confirmed(pending);
    if (this.idle) this.#writes.schedule(); // `leave` checks for idleness after each flush
    // 0x92 answers a repeated PUBREL: the broker had completed the exchange before.
    if (reasonCode < FIRST_FAILURE || reasonCode === PACKET_ID_NOT_FOUND) pending.resolve();
    else pending.reject(new PublishRefused(reasonCode));
    this.#send();
  }
}
