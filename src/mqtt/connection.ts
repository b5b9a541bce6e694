// biome-ignore-all lint/style/noExcessiveLinesPerFile: one connection's states and their changes are read together.
import { Socket } from 'node:net';
import { connect, type IConnackPacket, type MqttClient } from 'mqtt';
import { backoffMs } from '../lib/backoff.ts';
import { Acknowledgements, type Unacked } from './acknowledgements.ts';
import type {
  BrokerConnection,
  BrokerState,
  ConnectionLog,
  ConnectionOptions,
  Delivery,
  Publication,
} from './broker.ts';
import { causeOf, endingOf, NO_SHARED_SUBSCRIPTIONS, reasonText, weakGrant } from './causes.ts';
import { clientOptions } from './client-options.ts';
import { Fence } from './fence.ts';
import { Inbound } from './inbound.ts';
import { Outbound } from './outbound.ts';
import type { Ending } from './suspects.ts';
import { WriteBatcher } from './write-batcher.ts';

export type {
  BrokerConnection,
  ConnectionLog,
  ConnectionOptions,
  Delivery,
  Publication,
  Publisher,
} from './broker.ts';
export { ConnectionClosed, PublishRefused, Reconnected } from './publish-errors.ts';

/** A connection that lasts this long resets the backoff. */
const STABLE_MS = 5_000;

/** DISCONNECT reason code (MQTT 5.0, 3.14.2.1). */
const SESSION_TAKEN_OVER = 0x8e;

const SILENT: ConnectionLog = { info: () => undefined, warn: () => undefined };

/**
 * Connect to a broker, reconnect, and subscribe on every connect, until `leave` or `close`.
 * @param onDelivery - receives each message of the shared subscription; must not throw.
 * @see docs/delivery.md
 */
export function connectBroker(
  options: ConnectionOptions,
  onDelivery: (delivery: Delivery) => void,
  log: ConnectionLog = SILENT,
): BrokerConnection {
  return new MqttBrokerConnection(options, onDelivery, log);
}

class MqttBrokerConnection implements BrokerConnection {
  readonly address: string;
  readonly session: string;
  readonly #client: MqttClient;
  readonly #filter: string;
  readonly #log: ConnectionLog;
  readonly #acknowledgements = new Acknowledgements();
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #listeners: ((state: BrokerState) => void)[] = [];
  readonly #waiters = new Set<() => void>();
  #state: BrokerState = { connected: false, subscribed: false, cause: 'connecting' };
  #failures = 0;
  #refusals = 0;
  #connections = 0;
  #lastError: string | undefined;
  #takenOver = false;
  #hasSharedSubscriptions = true;
  #ending: Ending = 'closed';
  #stableTimer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #leaving: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionOptions, onDelivery: (delivery: Delivery) => void, log: ConnectionLog) {
    this.address = new URL(options.url).host;
    this.session = `${options.clientId}@${this.address}`;
    this.#filter = options.filter;
    this.#log = log;
    this.#client = connect(options.url, clientOptions(options));
    const writes = new WriteBatcher(this.#client, this.#acknowledgements, () => this.#flushed());
    this.#outbound = new Outbound(this.#client, writes);
    const { receiveMaximum, senderOf } = options;
    const fence = new Fence(this.#client);
    const deps = { acknowledgements: this.#acknowledgements, writes, fence, receiveMaximum, senderOf };
    this.#inbound = new Inbound(this, deps, onDelivery);
    this.#client.handleMessage = this.#inbound.handleMessage;
    this.#watch();
  }

  get state(): BrokerState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#inbound.inFlight;
  }

  get unacked(): Unacked {
    return this.#acknowledgements.unacked;
  }

  onState(listener: (state: BrokerState) => void): void {
    this.#listeners.push(listener);
  }

  publish(publication: Publication): Promise<void> {
    return this.#outbound.publish(publication);
  }

  leave(lingerMs = 0): Promise<void> {
    this.#leaving ??= this.#leave(lingerMs);
    return this.#leaving;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end(true);
    this.#client.stream.destroy(); // also when `leave` hangs in its last step
    return this.#closing;
  }

  get #isLeaving(): boolean {
    return this.#leaving !== undefined;
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined;
  }

  #watch(): void {
    const client = this.#client;
    // Not 'connect': the broker's first messages may come before that event.
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack' && packet.reasonCode === 0) this.#accepted(packet);
      else this.#outbound.received(packet);
    });
    client.on('connect', () => this.#connected());
    client.on('close', () => this.#disconnected());
    client.on('error', (error) => {
      this.#lastError = causeOf(error);
      this.#ending = endingOf(error, this.#ending);
    });
    client.on('disconnect', ({ reasonCode = 0 }) => {
      this.#lastError = `the broker ended the connection: ${reasonText(reasonCode)}`;
      this.#takenOver = reasonCode === SESSION_TAKEN_OVER;
      this.#ending = endingOf(reasonCode, this.#ending);
    });
    client.on('reconnect', () => this.#setBackoff(this.#failures + 1));
  }

  #accepted(connack: IConnackPacket): void {
    const { stream } = this.#client;
    if (stream instanceof Socket) stream.setNoDelay(true);
    if (this.#connections > 0 && !connack.sessionPresent) this.#log.warn('the broker has lost the session');
    this.#connections++;
    this.#ending = 'closed';
    this.#hasSharedSubscriptions = connack.properties?.sharedSubscriptionAvailable !== false;
    this.#inbound.connected(connack.sessionPresent);
    this.#acknowledgements.connected(connack.sessionPresent);
    this.#outbound.connected(connack);
  }

  #connected(): void {
    this.#lastError = undefined;
    this.#takenOver = false;
    this.#setState({
      connected: true,
      subscribed: false,
      cause: this.#isLeaving ? 'leaving' : 'subscribing',
    });
    this.#stableTimer = setTimeout(() => this.#setBackoff(0), STABLE_MS);
    void this.#prove(this.#outbound.needProof);
    this.#outbound.opened();
    this.#subscribe();
  }

  /** Prove that the connection works, before a suspect goes out at which the broker may end it. */
  async #prove(isSuspicious: boolean): Promise<void> {
    if (!(await this.#inbound.fence.isSteady())) return;
    if (isSuspicious) this.#setBackoff(0); // the broker works: if it ends this connection too, reconnect at once
    this.#outbound.proven();
  }

  #disconnected(): void {
    clearTimeout(this.#stableTimer);
    clearTimeout(this.#retry);
    this.#acknowledgements.disconnected();
    this.#inbound.lag.disconnected();
    this.#outbound.suspended(this.#ending);
    const cause = this.#isClosing ? 'closed' : (this.#lastError ?? 'connection lost');
    this.#setState({
      connected: false,
      subscribed: false,
      cause,
      ...(this.#takenOver && { takenOver: true }),
    });
  }

  /** On every connect, because a restarted broker may keep the session without its shared subscription. */
  #subscribe(): void {
    if (this.#isLeaving || this.#isClosing) return;
    // Such a broker may grant the filter all the same, as that of an ordinary topic which nobody publishes to.
    if (!this.#hasSharedSubscriptions) {
      const cause = NO_SHARED_SUBSCRIPTIONS;
      this.#setState({ connected: true, subscribed: false, cause, lacksSharedSubscriptions: true });
      return;
    }
    const connection = this.#connections;
    // `rap` keeps the retain flag of the sender.
    this.#client.subscribe(this.#filter, { qos: 1, rap: true }, (error, granted, packet) => {
      if (connection !== this.#connections || !this.#state.connected || this.#isLeaving) return;
      const refusal = error ? reasonText(Number(packet?.granted[0] ?? 0x80)) : weakGrant(granted);
      if (refusal === undefined) this.#subscribed();
      else {
        this.#setState({ connected: true, subscribed: false, cause: `subscription refused: ${refusal}` });
        this.#retry = setTimeout(() => this.#subscribe(), backoffMs(this.#refusals++));
      }
    });
  }

  #subscribed(): void {
    this.#refusals = 0;
    this.#inbound.subscribed();
    this.#acknowledgements.stable();
    this.#setState({ connected: true, subscribed: true });
  }

  /** MQTT.js reads the period when the connection ends. */
  #setBackoff(failures: number): void {
    this.#failures = failures;
    this.#client.options.reconnectPeriod = backoffMs(failures);
  }

  #flushed(): void {
    if (this.#inbound.passedOver && this.#inbound.idle) {
      this.#inbound.passedOver = false;
      this.#ending = 'unrelated';
      this.#log.warn('reconnecting: the broker sent more messages than the receive maximum');
      this.#client.stream.end();
    }
    this.#wake();
  }

  async #leave(lingerMs: number): Promise<void> {
    let drained = false;
    while (!drained && !this.#isClosing) drained = await this.#drained(lingerMs);
    this.#closing ??= this.#end(false);
    return this.#closing;
  }

  /**
   * Unsubscribe, wait until nothing is in work, then unsubscribe again as a fence. The broker handles packets in order, and
   * sends its queue while it handles PUBACKs. So an UNSUBACK after the last PUBACK, without a PUBLISH before it, proves
   * that the queue is empty.
   * @param lingerMs - wait so long for another message before the second time; for brokers that resend one now and then.
   * @returns false when a message arrived or the connection broke meanwhile: try again.
   */
  async #drained(lingerMs: number): Promise<boolean> {
    await this.#until(() => this.#state.connected);
    const connection = this.#connections;
    if (!(await this.#unsubscribe())) return false;
    await this.#until(() => this.#inbound.idle && !this.#inbound.passedOver && this.#outbound.idle);
    const { received } = this.#inbound;
    if (lingerMs > 0) await this.#linger(lingerMs);
    if (!(await this.#unsubscribe())) return false;
    return connection === this.#connections && this.#inbound.idle && this.#inbound.received === received;
  }

  /** Ends early when closed. */
  async #linger(milliseconds: number): Promise<void> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#wake();
    }, milliseconds);
    await this.#until(() => isOver);
    clearTimeout(timer);
  }

  #unsubscribe(): Promise<boolean> {
    if (this.#isClosing || !this.#state.connected) return Promise.resolve(false);
    this.#setState({ connected: true, subscribed: false, cause: 'leaving' });
    return this.#client.unsubscribeAsync(this.#filter).then(
      () => true,
      () => false, // the connection broke
    );
  }

  async #end(force: boolean): Promise<void> {
    this.#outbound.close();
    this.#inbound.lag.stop();
    this.#wake();
    const disconnect = { reasonCode: 0, properties: { sessionExpiryInterval: 0 } };
    const gone = new Promise<void>((resolve) => this.#client.once('close', resolve));
    await Promise.race([this.#client.endAsync(force, disconnect), gone]);
    this.#setState({ connected: false, subscribed: false, cause: 'closed' });
  }

  /** Resolves when `condition` holds, or when closed. */
  async #until(condition: () => boolean): Promise<void> {
    while (!this.#isClosing && !condition()) {
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  #wake(): void {
    if (this.#waiters.size === 0) return;
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }

  #setState(state: BrokerState): void {
    const { connected, subscribed, cause } = this.#state;
    if (state.connected === connected && state.subscribed === subscribed && state.cause === cause) return;
    this.#state = state;
    const expected = state.subscribed || state.cause === 'subscribing' || this.#isLeaving || this.#isClosing;
    if (expected) this.#log.info(state.cause ?? 'subscribed');
    else this.#log.warn(`not subscribed: ${state.cause}`);
    for (const listener of this.#listeners) listener(state);
    this.#wake();
  }
}
