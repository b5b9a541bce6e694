import type { MqttClient } from 'mqtt';
import { backoffMs } from '../lib/backoff.ts';
import type { Publication } from './broker.ts';
import type { Presence } from './presence.ts';

/** A connection that lasts this long resets the backoff. */
const STABLE_MS = 5_000;

export interface ReconnectingDeps {
  readonly client: MqttClient;
  readonly presence: Presence | undefined;
  /** Publishes, if there is a connection. */
  readonly tell: (message: Publication) => void;
  readonly isConnected: () => boolean;
}

/** Decides when a connection is made again: after a pause, or not at all while another worker has the session. */
export class Reconnecting {
  readonly #deps: ReconnectingDeps;
  #failures = 0;
  #stableTimer: NodeJS.Timeout | undefined;
  #isUnable = false;
  /** Another worker has the session, and this side does not take it back. */
  #isAway = false;
  /** Why this side stays away for a while. */
  #aside: string | undefined;
  #return: NodeJS.Timeout | undefined;

  constructor(deps: ReconnectingDeps) {
    this.#deps = deps;
  }

  /** Why there is no connection, if nothing else is known. */
  get lostCause(): string {
    return this.#aside ?? (this.#isAway ? 'another worker serves its requests' : 'connection lost');
  }

  connected(): void {
    this.#stableTimer = setTimeout(() => this.soon(), STABLE_MS);
  }

  disconnected(): void {
    clearTimeout(this.#stableTimer);
  }

  /** Tell the others that this connection serves, and needs no successor any more. */
  subscribed(): void {
    const { presence, tell } = this.#deps;
    if (!presence || this.#isUnable) return;
    tell(presence.greeting);
    tell(presence.found);
  }

  failed(): void {
    this.#set(this.#failures + 1);
  }

  soon(): void {
    this.#set(0);
  }

  /** See `BrokerConnection.giveWay`. */
  giveWay(isUnable: boolean): void {
    const { client, presence, tell, isConnected } = this.#deps;
    this.#isUnable = isUnable;
    const wasAway = this.#isAway && !isConnected();
    if (isUnable) {
      if (presence && !this.#isAway) tell(presence.plea);
      return;
    }
    this.#isAway = false;
    this.soon();
    if (wasAway && this.#aside === undefined) client.reconnect();
    else if (presence) tell(presence.greeting);
  }

  /** Another worker is about to take the session over. */
  taken(): void {
    if (!this.#isUnable) return;
    this.#isAway = true;
    this.#set(this.#failures);
  }

  /** See `BrokerConnection.standAside`. */
  standAside(cause: string, forMs: number): void {
    const { client } = this.#deps;
    this.#aside = cause;
    clearTimeout(this.#return);
    this.#set(this.#failures);
    this.#return = setTimeout(() => {
      this.#aside = undefined;
      this.soon();
      client.reconnect();
    }, forMs);
    client.stream.destroy();
  }

  /** Make no connection more. */
  stop(): void {
    clearTimeout(this.#return);
  }

  /** MQTT.js reads the period when the connection ends; with 0 it does not reconnect. */
  #set(failures: number): void {
    this.#failures = failures;
    this.#deps.client.options.reconnectPeriod =
      this.#isAway || this.#aside !== undefined ? 0 : backoffMs(failures);
  }
}
