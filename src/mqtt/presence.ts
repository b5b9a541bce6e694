import type { IPublishPacket, MqttClient } from 'mqtt';
import type { PresenceOptions } from './broker.ts';

/** What the broker publishes when the connection ends without a DISCONNECT. */
export const LOST = 'lost';
/** What a connection publishes when it is subscribed again. */
const BACK = 'back';
/** What a connection publishes whose worker cannot serve what it receives. */
const UNABLE = 'unable';
/** What another worker publishes on this topic before it takes the session over. */
const TAKEN = 'taken';

/** The broker gives a retained one to those who subscribe later, until another message on the same topic replaces it. */
interface PresenceMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0;
  readonly retain?: boolean;
}

/** Tells a worker that its session is taken over. A broker that ends its connection for it may not say why. */
export function takenMessage(topic: string): PresenceMessage {
  return { topic, payload: Buffer.from(TAKEN), qos: 0 };
}

/** Takes back what a worker has left for its successor, who has come. */
export function foundMessage(topic: string): PresenceMessage {
  return { topic, payload: nothing, qos: 0, retain: true };
}

const nothing = Buffer.alloc(0);

/**
 * Hears at a broker whose connection is lost, and who is back. Both come at QoS 0, so a full receive window holds up neither
 * and the broker keeps neither for a worker that is away.
 */
export class Presence {
  readonly #client: MqttClient;
  readonly #options: PresenceOptions;
  readonly #log: { warn(message: string): void };
  readonly #prefix: string;
  readonly #taken: () => void;
  #wasRefused = false;

  /** @param taken - called when another worker is about to take the session over. */
  constructor(
    client: MqttClient,
    options: PresenceOptions,
    log: { warn(message: string): void },
    taken: () => void,
  ) {
    this.#client = client;
    this.#options = options;
    this.#log = log;
    this.#taken = taken;
    this.#prefix = options.filter.slice(0, -1);
  }

  /** On every connect. A broker that refuses it leaves the heartbeats. */
  subscribe(): void {
    this.#client.subscribe(this.#options.filter, { qos: 0, nl: true }, (error) => {
      if (!error || this.#wasRefused || !this.#client.connected) return;
      this.#wasRefused = true;
      this.#log.warn('the broker does not let this worker hear of lost workers: heartbeats alone tell');
    });
  }

  /** Tell the others that this connection is subscribed. */
  get greeting(): PresenceMessage {
    return { topic: this.#options.topic, payload: Buffer.from(BACK), qos: 0 };
  }

  /** Ask the others to take the session over. */
  get plea(): PresenceMessage {
    return { topic: this.#options.topic, payload: Buffer.from(UNABLE), qos: 0 };
  }

  /**
   * Ask the next worker that subscribes at this broker to take the session over. The registry in Redis tells only those who reach the
   * brokers under the same addresses.
   * @param expirySeconds - how long the broker keeps the session.
   */
  lastingPlea(expirySeconds: number): PresenceMessage & { readonly expirySeconds: number } {
    return { ...this.plea, retain: true, expirySeconds };
  }

  /** Take back what was left for a successor. */
  get found(): PresenceMessage {
    return foundMessage(this.#options.topic);
  }

  /** @returns whether it was such a message; no request then. */
  take({ topic, payload }: IPublishPacket): boolean {
    if (!topic.startsWith(this.#prefix)) return false;
    const text = payload.toString();
    if (topic === this.#options.topic) {
      if (text === TAKEN) this.#taken();
    } else
      this.#options.onMessage(
        topic.slice(this.#prefix.length),
        text === LOST || text === UNABLE ? text : BACK,
      );
    return true;
  }
}
