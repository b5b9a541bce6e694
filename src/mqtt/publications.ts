import type { IClientPublishOptions, IConnackPacket, MqttClient } from 'mqtt';
import type { Publication } from './broker.ts';
import { reasonText } from './causes.ts';
import { Fifo } from './fifo.ts';
import { LinkedMember, LinkedSet } from './linked-set.ts';
import type { Turn } from './turn.ts';

/** Bytes that may wait in the socket before publishing pauses until they have left. */
const SOCKET_BYTES = 256 * 1024;
/** What a broker may allow (65,535 unless it says less) is more than is good: all of it is sent again one by one after a reconnect. */
const MOST_UNCONFIRMED = 1024;
const PACKET_ID_NOT_FOUND = 0x92;
const PACKET_TOO_LARGE = 0x95;
/** Headers, lengths and property identifiers of a PUBLISH, generously. */
const PUBLISH_OVERHEAD_BYTES = 64;

/** The broker refused a publish; sending the same again will not help unless the broker changes. */
export class PublishRefused extends Error {
  override readonly name = 'PublishRefused';
  /** MQTT 5 reason code, 0x80 or above. */
  readonly reasonCode: number;

  constructor(reasonCode: number) {
    super(`publish refused: ${reasonText(reasonCode)}`);
    this.reasonCode = reasonCode;
  }
}

/** The connection was closed by this side before the broker had confirmed the publish. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';

  constructor() {
    super('the connection to the broker is closed');
  }
}

class Pending extends LinkedMember {
  readonly publication: Publication;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  packetId = 0;

  constructor(publication: Publication, resolve: () => void, reject: (error: Error) => void) {
    super();
    this.publication = publication;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/**
 * Publications on their way: never more unconfirmed at a time than the broker's Receive Maximum, the rest in order behind.
 *
 * Over a reconnect MQTT.js sends again, under the old packet ids, what is unconfirmed; that is what the broker expects
 * when it still has the session. When it has not, ids and half-done QoS 2 exchanges mean nothing to it, so all is taken
 * back from MQTT.js and published anew. Nothing is handed to MQTT.js while there is no connection.
 */
export class Publications {
  readonly #client: MqttClient;
  readonly #turn: Turn;
  readonly #queue = new Fifo<Pending>();
  readonly #unconfirmed = new LinkedSet<Pending>();
  #open = false;
  #closed = false;
  #window = 0;
  #largestPacket = Number.POSITIVE_INFINITY;
  #highestQos: 0 | 1 | 2 = 2;
  #draining: MqttClient['stream'] | undefined;

  constructor(client: MqttClient, turn: Turn) {
    this.#client = client;
    this.#turn = turn;
  }

  get idle(): boolean {
    return this.#queue.length === 0 && this.#unconfirmed.size === 0;
  }

  publish(publication: Publication): Promise<void> {
    if (this.#closed) return Promise.reject(new ConnectionClosed());
    return new Promise((resolve, reject) => {
      this.#queue.push(new Pending(publication, resolve, reject));
      this.#send();
    });
  }

  /** CONNACK: before MQTT.js begins to send again. */
  connected({ sessionPresent, properties }: IConnackPacket): void {
    this.#window = Math.min(properties?.receiveMaximum ?? MOST_UNCONFIRMED, MOST_UNCONFIRMED);
    this.#largestPacket = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.#highestQos = (properties?.maximumQoS ?? 2) as 0 | 1 | 2;
    if (!sessionPresent) this.#takeBack();
  }

  /** MQTT.js has sent again what was unconfirmed, and takes new publications. */
  opened(): void {
    this.#open = true;
    this.#draining = undefined;
    this.#send();
  }

  /** The connection broke; what is unconfirmed stays with MQTT.js until the next. */
  suspended(): void {
    this.#open = false;
  }

  /** For good: everything not confirmed is rejected. */
  close(): void {
    this.#open = false;
    this.#closed = true;
    const pending = [...this.#unconfirmed.clear(), ...this.#queue.drain()];
    for (const { reject } of pending) reject(new ConnectionClosed());
  }

  #takeBack(): void {
    const pending = this.#unconfirmed.clear();
    for (const { packetId } of pending) this.#client.removeOutgoingMessage(packetId);
    this.#queue.unshift(pending);
  }

  #send(): void {
    for (let next = this.#queue.peek(); next && this.#maySend(next); next = this.#queue.peek()) {
      this.#queue.shift();
      this.#hand(next);
    }
  }

  #maySend({ publication }: Pending): boolean {
    if (!this.#open || (publication.qos > 0 && this.#unconfirmed.size >= this.#window)) return false;
    const { stream } = this.#client;
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
    if (this.#largestPacket < Number.POSITIVE_INFINITY && packetBytes(publication) > this.#largestPacket) {
      pending.reject(new PublishRefused(PACKET_TOO_LARGE)); // sent, it would cost the connection, again and again
      return;
    }
    const qos = Math.min(publication.qos, this.#highestQos) as 0 | 1 | 2;
    const options = optionsOf(publication, qos);
    this.#turn.begin();
    if (qos === 0) {
      this.#client.publish(publication.topic, publication.payload, options);
      pending.resolve();
      return;
    }
    this.#unconfirmed.add(pending);
    this.#client.publish(publication.topic, publication.payload, options, (error) =>
      this.#confirmed(pending, error),
    );
    pending.packetId = this.#client.getLastMessageId();
  }

  #confirmed(pending: Pending, error: (Error & { code?: number }) | undefined): void {
    if (!this.#unconfirmed.delete(pending)) return; // taken back, or closed
    if (this.idle) this.#turn.begin(); // who waits for that looks at the end of a turn
    const { code } = error ?? {};
    if (!error || code === PACKET_ID_NOT_FOUND) {
      pending.resolve(); // 0x92 answers a PUBREL sent again: the broker had completed the exchange before
    } else if (code === undefined) {
      this.#queue.unshift([pending]); // MQTT.js gave up with the connection, without a word from the broker
      return;
    } else {
      pending.reject(new PublishRefused(code));
    }
    this.#send();
  }
}

function optionsOf(publication: Publication, qos: 0 | 1 | 2): IClientPublishOptions {
  const { contentType, correlationData, userProperties, retain = false } = publication;
  const properties: IClientPublishOptions['properties'] = {};
  if (contentType !== undefined) properties.contentType = contentType;
  if (correlationData !== undefined) properties.correlationData = correlationData;
  if (userProperties !== undefined) properties.userProperties = userProperties;
  return { qos, retain, properties };
}

/** The most that this can be as a packet. */
function packetBytes({
  topic,
  payload,
  contentType = '',
  correlationData,
  userProperties,
}: Publication): number {
  let bytes = PUBLISH_OVERHEAD_BYTES + payload.length + (correlationData?.length ?? 0);
  bytes += Buffer.byteLength(topic) + Buffer.byteLength(contentType);
  for (const [name, values] of Object.entries(userProperties ?? {})) {
    for (const value of [values].flat()) bytes += 5 + Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  return bytes;
}
