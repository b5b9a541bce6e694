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
import {
  causeBeforeAnswer,
  causeOf,
  endingOf,
  NO_SHARED_SUBSCRIPTIONS,
  reasonText,
  weakGrant,
} from './causes.ts';
import { clientOptions, disconnectOptions } from './client-options.ts';
import { ConnectionState } from './connection-state.ts';
import { type Departing, drain, finish } from './departure.ts';
import { Fence } from './fence.ts';
import { Inbound } from './inbound.ts';
import { Outbound } from './outbound.ts';
import { Presence } from './presence.ts';
import { Reconnecting } from './reconnecting.ts';
import './refusal-codes.ts';
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
  readonly #url: string;
  readonly #client: MqttClient;
  readonly #filter: string;
  readonly #log: ConnectionLog;
  readonly #acknowledgements = new Acknowledgements();
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #presence: Presence | undefined;
  readonly #lastingPlea: Publication | undefined;
  readonly #reconnecting: Reconnecting;
  readonly #state: ConnectionState;
  #refusals = 0;
  #connections = 0;
  #lastError: string | undefined;
  #takenOver = false;
  #hasSharedSubscriptions = true;
  #ending: Ending = 'closed';
  #retry: NodeJS.Timeout | undefined;
  #leaving: Promise<void> | undefined;
  #keepsSession = false;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionOptions, onDelivery: (delivery: Delivery) => void, log: ConnectionLog) {
    this.address = new URL(options.url).host;
    this.#url = options.url;
    this.session = `${options.clientId}@${this.address}`;
    this.#filter = options.filter;
    this.#log = log;
    this.#state = new ConnectionState(log);
    this.#client = connect(options.url, clientOptions(options));
    const writes = new WriteBatcher(this.#client, this.#acknowledgements, () => this.#flushed());
    this.#outbound = new Outbound(this.#client, writes);
    const { receiveMaximum, senderOf, presence } = options;
    const fence = new Fence(this.#client);
    this.#presence = presence && new Presence(this.#client, presence, log, () => this.#reconnecting.taken());
    this.#lastingPlea = this.#presence?.lastingPlea(options.sessionExpirySeconds);
    this.#reconnecting = new Reconnecting({
      client: this.#client,
      presence: this.#presence,
      tell: (message) => this.state.connected && this.#outbound.publish(message).catch(() => undefined),
      isConnected: () => this.state.connected,
    });
    const acknowledgements = this.#acknowledgements;
    const deps = { acknowledgements, writes, fence, receiveMaximum, senderOf, presence: this.#presence };
    this.#inbound = new Inbound(this, deps, onDelivery);
    this.#client.handleMessage = this.#inbound.handleMessage;
    this.#watch();
  }

  get state(): BrokerState {
    return this.#state.now;
  }

  get inFlight(): number {
    return this.#inbound.inFlight;
  }

  get unacked(): Unacked {
    return this.#acknowledgements.unacked;
  }

  onState(listener: (state: BrokerState) => void): void {
    this.#state.onChange(listener);
  }

  publish(publication: Publication): Promise<void> {
    return this.#outbound.publish(publication);
  }

  leave(lingerMs = 0): Promise<void> {
    this.#leaving ??= this.#depart((departing) => drain(departing, lingerMs));
    return this.#leaving;
  }

  suspend(): Promise<void> {
    if (this.#leaving === undefined) {
      this.#keepsSession = true;
      this.#leaving = this.#depart(finish);
      if (this.state.connected) this.#setState({ connected: true, subscribed: false, cause: 'leaving' });
    }
    return this.#leaving;
  }

  giveWay(isUnable: boolean): void {
    if (!this.#isLeaving && !this.#isClosing) this.#reconnecting.giveWay(isUnable);
  }

  standAside(cause: string, forMs: number): void {
    if (!this.#isLeaving && !this.#isClosing) this.#reconnecting.standAside(cause, forMs);
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
      this.#lastError = this.state.connected ? causeOf(error) : causeBeforeAnswer(error, this.#url);
      this.#ending = endingOf(error, this.#ending);
      if (!('code' in error)) client.stream.destroy(); // MQTT.js reads nothing more after a packet that it cannot read
    });
    client.on('disconnect', ({ reasonCode = 0 }) => {
      this.#lastError = `the broker ended the connection: ${reasonText(reasonCode)}`;
      this.#takenOver = reasonCode === SESSION_TAKEN_OVER;
      this.#ending = endingOf(reasonCode, this.#ending);
    });
    client.on('reconnect', () => this.#reconnecting.failed());
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
    this.#reconnecting.connected();
    void this.#prove(this.#outbound.needProof);
    this.#outbound.opened();
    this.#subscribe();
    if (!this.#isLeaving) this.#presence?.subscribe();
  }

  /** Prove that the connection works, before a suspect goes out at which the broker may end it. */
  async #prove(isSuspicious: boolean): Promise<void> {
    if (!(await this.#inbound.fence.isSteady())) return;
    if (isSuspicious) this.#reconnecting.soon(); // the broker works: if it ends this connection too, reconnect at once
    this.#outbound.proven();
  }

  #disconnected(): void {
    this.#reconnecting.disconnected();
    clearTimeout(this.#retry);
    this.#acknowledgements.disconnected();
    this.#inbound.lag.disconnected();
    this.#outbound.suspended(this.#ending);
    const cause = this.#isClosing ? 'closed' : (this.#lastError ?? this.#reconnecting.lostCause);
    this.#setState({
      connected: false,
      subscribed: false,
      cause,
      ...(this.#takenOver && { takenOver: true }),
    });
  }

  /** On every connect, because a restarted broker may keep the session without its shared subscription. */
  #subscribe(): void {
    if ((this.#isLeaving && !this.#keepsSession) || this.#isClosing) return;
    // Such a broker may grant the filter all the same, as that of an ordinary topic which nobody publishes to.
    if (!this.#hasSharedSubscriptions) {
      const cause = NO_SHARED_SUBSCRIPTIONS;
      this.#setState({ connected: true, subscribed: false, cause, lacksSharedSubscriptions: true });
      return;
    }
    const connection = this.#connections;
    // `rap` keeps the retain flag of the sender.
    this.#client.subscribe(this.#filter, { qos: 1, rap: true }, (error, granted, packet) => {
      if (connection !== this.#connections || !this.#state.now.connected || this.#isLeaving) return;
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
    this.#reconnecting.subscribed();
  }

  #flushed(): void {
    if (this.#inbound.passedOver && this.#inbound.idle) {
      this.#inbound.passedOver = false;
      this.#inbound.chargedBefore.fetchNext();
      this.#ending = 'unrelated';
      this.#log.warn('reconnecting: the broker sent more messages than the receive maximum');
      this.#client.stream.end();
    }
    this.#state.wake();
  }

  async #depart(finishing: (departing: Departing) => Promise<void>): Promise<void> {
    await finishing({
      inbound: this.#inbound,
      outbound: this.#outbound,
      isConnected: () => this.#state.now.connected,
      isClosing: () => this.#isClosing,
      connection: () => this.#connections,
      until: (condition) => this.#state.until(() => this.#isClosing || condition()),
      wake: () => this.#state.wake(),
      unsubscribe: () => this.#unsubscribe(),
    });
    if (this.#lastingPlea && this.#keepsSession && !this.#isClosing)
      await this.#outbound.publish(this.#lastingPlea).catch(() => undefined);
    this.#closing ??= this.#end(false);
    return this.#closing;
  }

  #unsubscribe(): Promise<boolean> {
    if (this.#isClosing || !this.#state.now.connected) return Promise.resolve(false);
    this.#setState({ connected: true, subscribed: false, cause: 'leaving' });
    return this.#client.unsubscribeAsync(this.#filter).then(
      () => true,
      () => false, // the connection broke
    );
  }

  async #end(force: boolean): Promise<void> {
    this.#outbound.close();
    this.#inbound.lag.stop();
    this.#reconnecting.stop();
    this.#state.wake();
    const gone = new Promise<void>((resolve) => this.#client.once('close', resolve));
    await Promise.race([this.#client.endAsync(force, disconnectOptions(this.#keepsSession)), gone]);
    this.#setState({ connected: false, subscribed: false, cause: 'closed' });
  }

  #setState(state: BrokerState): void {
    this.#state.become(state, this.#isLeaving || this.#isClosing);
  }
}
