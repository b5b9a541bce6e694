import type { IPublishPacket, MqttClient } from 'mqtt';
import { FairQueue } from '../lib/fair-queue.ts';
import { TurnBudget } from '../lib/turn-budget.ts';
import type { Acknowledgements, Unacknowledged } from './acknowledgements.ts';
import type { BrokerConnection, Delivery, Publication, UserProperties } from './broker.ts';
import { type Charged, ChargedBefore } from './charged-before.ts';
import { DeliveryLag } from './delivery-lag.ts';
import type { Fence } from './fence.ts';
import type { Presence } from './presence.ts';
import type { WriteBatcher } from './write-batcher.ts';

/** Maximum memory of waiting deliveries; `DELIVERY_BYTES` estimates the object without its content. */
const WAITING_BYTES = 16 * 1024 * 1024;
const DELIVERY_BYTES = 512;

/** So long deliveries are decoded in one turn of the event loop; the rest follows in the next, behind what else waits. */
const HAND_OUT_MS = 2;

/** Of each sender so many are dispatched as they arrive in one turn of the event loop; more wait for those of others. */
const AT_ONCE = 4;

/** Senders are counted in so many places; two that share one wait a little sooner. */
const COUNTS = 1_024;

/** A sender's place is made of the last characters of its name. */
const COUNTED_CHARACTERS = 8;

/** Makes MQTT.js send no PUBACK and read on. It is one object, because each new error costs a stack trace. */
const ACK_DEFERRED = new Error('the acknowledgement is sent later');

/**
 * Dispatches the messages that MQTT.js receives, at most `receiveMaximum` at a time.
 *
 * The broker does not keep to that bound: Mosquitto 2.0.11 sends its whole queue after the first few acknowledgements.
 * Reading cannot pause, because PUBACKs for answers come behind the surplus. So the surplus waits in memory, up to a limit.
 * Messages beyond it stay unacknowledged, and a new connection fetches them when all others are done.
 *
 * Those of one sender keep their order, and senders take turns: who sends hundreds at once waits for itself.
 */
export class Inbound {
  readonly broker: BrokerConnection;
  readonly fence: Fence;
  readonly lag = new DeliveryLag();
  readonly chargedBefore: ChargedBefore;
  readonly #acknowledgements: Acknowledgements;
  readonly #writes: WriteBatcher;
  readonly #handOut: (delivery: Delivery) => void;
  readonly #receiveMaximum: number;
  readonly #senderOf: (topic: string) => string;
  readonly #waiting = new FairQueue<ReceivedPublish>();
  /** How many of each sender were dispatched in this turn of the event loop as they arrived. */
  readonly #counts = new Uint8Array(COUNTS);
  #isCounting = false;
  #waitingBytes = 0;
  #inWork = 0;
  #handingOut = false;
  readonly #budget: TurnBudget;
  #willGoOn = false;
  #isResuming = false;
  #isStopped = false;
  readonly #presence: Presence | undefined;
  /** PUBLISH packets received, also those sent again. */
  received = 0;
  passedOver = false;

  constructor(broker: BrokerConnection, deps: InboundDeps, handOut: (delivery: Delivery) => void) {
    this.broker = broker;
    this.#acknowledgements = deps.acknowledgements;
    this.#writes = deps.writes;
    this.fence = deps.fence;
    this.#presence = deps.presence;
    this.#receiveMaximum = deps.receiveMaximum;
    this.chargedBefore = new ChargedBefore(deps.receiveMaximum);
    this.#budget = deps.budget ?? new TurnBudget(HAND_OUT_MS);
    this.#handOut = handOut;
    this.#senderOf = deps.senderOf ?? ((topic) => topic);
    this.lag.start();
  }

  connected(sessionPresent: boolean): void {
    this.passedOver = false;
    this.#isResuming = sessionPresent;
    this.chargedBefore.connected(sessionPresent);
    this.lag.connected(sessionPresent);
  }

  subscribed(): void {
    this.#isResuming = false;
  }

  /**
   * Whether the broker may have sent it before. It marks that (DUP), unless it has been restarted and keeps the flag not on disk:
   * Mosquitto 2.1 with persist-sqlite. But what was in flight comes first, before the SUBACK.
   */
  isRedelivered({ dup, qos }: IPublishPacket): boolean {
    return dup || (this.#isResuming && qos > 0);
  }

  /** The documented override point of MQTT.js for backpressure. */
  readonly handleMessage: MqttClient['handleMessage'] = (packet, next) => {
    if (packet.qos === 0 && this.#presence?.take(packet)) {
      next();
      return;
    }
    this.received++;
    if (packet.qos === 1) {
      this.#take(packet, packet.messageId ?? 0);
      next(ACK_DEFERRED);
    } else {
      this.#admit(packet, undefined);
      next();
    }
  };

  get inFlight(): number {
    return this.#inWork + this.#waiting.length + this.#acknowledgements.ackPending;
  }

  /** Nothing is in work, and no acknowledgement is due. */
  get idle(): boolean {
    return this.#inWork === 0 && this.#waiting.length === 0 && !this.#acknowledgements.due;
  }

  /** Dispatch nothing more. What is in work may be finished. */
  stop(): void {
    this.#isStopped = true;
    while (this.#waiting.shift() !== undefined);
    this.#waitingBytes = 0;
  }

  #take(packet: IPublishPacket, packetId: number): void {
    const payload = packet.payload as Buffer;
    if (this.#acknowledgements.resent(packetId, packet.topic, payload)) {
      if (this.#acknowledgements.due) this.#writes.schedule();
    } else if (this.#isStopped) return;
    else if (this.#isFull) this.#passOver(packet);
    else this.#admit(packet, this.#acknowledgements.add(packetId, packet.topic, payload));
  }

  #passOver(packet: IPublishPacket): void {
    this.passedOver = true;
    this.chargedBefore.passedOver(packet, this.isRedelivered(packet));
  }

  get #isFull(): boolean {
    return this.#waitingBytes >= WAITING_BYTES;
  }

  #admit(packet: IPublishPacket, message: Unacknowledged | undefined): void {
    if (message === undefined && (this.#isFull || this.#isStopped)) return; // QoS 0 promises nothing
    const delivery = new ReceivedPublish(this, packet, message);
    const sender = this.#senderOf(packet.topic);
    if (this.#isTurnOf(sender)) this.#begin(delivery);
    else {
      this.#waiting.push(sender, delivery);
      this.#waitingBytes += delivery.bytes;
      this.#goOnNextTurn();
    }
  }

  /** Whether a delivery of this sender is dispatched as it arrives. */
  #isTurnOf(sender: string): boolean {
    if (this.#handingOut || this.#inWork >= this.#receiveMaximum) return false;
    if (this.#waiting.length > 0 && this.#waiting.has(sender)) return false;
    const place = placeOf(sender);
    const count = this.#counts[place] ?? 0;
    if (count >= AT_ONCE || this.#budget.isSpent) return false;
    this.#counts[place] = count + 1;
    if (!this.#isCounting) {
      this.#isCounting = true;
      setImmediate(this.#countAnew);
    }
    return true;
  }

  readonly #countAnew = (): void => {
    this.#isCounting = false;
    this.#counts.fill(0);
  };

  #begin(delivery: ReceivedPublish): void {
    this.#inWork++;
    this.#noteWindow();
    this.#handOut(delivery);
  }

  /** The work on a delivery is done; `message` needs an acknowledgement. */
  done(message: Unacknowledged | undefined): void {
    this.#inWork--;
    this.#noteWindow();
    if (message) this.#acknowledgements.handled(message);
    this.#writes.schedule();
    this.#handOutWaiting();
  }

  /** The broker holds messages back before the window is seen full here: acknowledgements are on their way. */
  #noteWindow(): void {
    this.lag.setFull(2 * this.#inWork > this.#receiveMaximum);
  }

  /** Never nested, although a handler may acknowledge before it returns. */
  #handOutWaiting(): void {
    if (this.#handingOut) return;
    this.#handingOut = true;
    try {
      while (this.#inWork < this.#receiveMaximum && this.#waiting.length > 0) {
        if (this.#budget.isSpent) {
          this.#goOnNextTurn();
          return;
        }
        const delivery = this.#waiting.shift();
        if (!delivery) return;
        this.#waitingBytes -= delivery.bytes;
        this.#begin(delivery);
      }
    } finally {
      this.#handingOut = false;
    }
  }

  #goOnNextTurn(): void {
    if (this.#willGoOn) return;
    this.#willGoOn = true;
    setImmediate(() => {
      this.#willGoOn = false;
      this.#handOutWaiting();
    });
  }
}

interface InboundDeps {
  readonly acknowledgements: Acknowledgements;
  readonly writes: WriteBatcher;
  readonly fence: Fence;
  readonly presence?: Presence | undefined;
  readonly receiveMaximum: number;
  /** Whose a message is, by its topic; default the topic itself. */
  readonly senderOf?: ((topic: string) => string) | undefined;
  readonly budget?: TurnBudget;
}

function placeOf(sender: string): number {
  const { length } = sender;
  let hash = length;
  for (let at = Math.max(0, length - COUNTED_CHARACTERS); at < length; at++)
    hash = (hash * 31 + sender.charCodeAt(at)) | 0;
  return hash & (COUNTS - 1);
}

class ReceivedPublish implements Delivery {
  readonly receivedAt: number;
  readonly arrivedAfter: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly packetId: number;
  readonly redelivered: boolean;
  readonly charged: Charged;
  readonly retained: boolean;
  readonly correlationData: Buffer | undefined;
  readonly responseTopic: string | undefined;
  readonly userProperties: UserProperties | undefined;
  /** What it may hold in memory while it waits. */
  readonly bytes: number;
  readonly #inbound: Inbound;
  readonly #message: Unacknowledged | undefined;
  readonly #connection: object;
  #isDone = false;

  constructor(inbound: Inbound, packet: IPublishPacket, message: Unacknowledged | undefined) {
    this.#inbound = inbound;
    this.#message = message;
    this.#connection = inbound.fence.connection;
    this.receivedAt = message?.receivedAt ?? performance.now();
    this.arrivedAfter = inbound.lag.earliest(this.receivedAt);
    this.topic = packet.topic;
    this.payload = packet.payload as Buffer;
    this.packetId = packet.messageId ?? 0;
    this.redelivered = inbound.isRedelivered(packet);
    this.charged = inbound.chargedBefore.of(packet, this.redelivered);
    this.retained = packet.retain;
    const { properties } = packet;
    this.correlationData = properties?.correlationData;
    this.responseTopic = properties?.responseTopic;
    this.userProperties = properties?.userProperties && traceProperties(properties.userProperties);
    // The length counts all properties; a packet that no socket has brought has none.
    this.bytes = Math.max(packet.length ?? 0, this.topic.length + this.payload.length) + DELIVERY_BYTES;
  }

  get broker(): BrokerConnection {
    return this.#inbound.broker;
  }

  isStillOwned(): Promise<boolean> {
    return this.#inbound.fence.isCurrentSession(this.#connection);
  }

  acknowledge(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#inbound.done(this.#message);
  }

  reply(publication: Publication): Promise<void> {
    return this.#inbound.broker.publish(publication);
  }
}

/** The user properties that a worker reads. Not the packet's own object: a client may send 100,000 in one packet. */
function traceProperties({ traceparent, tracestate }: UserProperties): UserProperties | undefined {
  if (traceparent === undefined) return undefined;
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}
