import type { TlsMaterial } from '../lib/tls-causes.ts';
import type { Unacked } from './acknowledgements.ts';
import type { Charged } from './charged-before.ts';

/** MQTT 5 user properties; a repeated name has a list of values. */
export type UserProperties = Record<string, string | string[]>;

/** Where a broker is, and how to log in there. */
export interface BrokerLogin {
  /** `mqtt://host:1883` or `mqtts://host:8883`. */
  url: string;
  /** Must stay the same over restarts: the broker keeps the session under this id. */
  clientId: string;
  username?: string | undefined;
  password?: string | undefined;
  tls?: TlsMaterial | undefined;
}

export interface ConnectionOptions extends BrokerLogin {
  /** The shared subscription, `$share/<group>/<filter>`. */
  filter: string;
  /** Whose a message is, by its topic: senders are served round robin. Default the topic itself. */
  senderOf?: (topic: string) => string;
  /** Receive Maximum: deliveries that are unacknowledged at the same time, 1 to 65,535. */
  receiveMaximum: number;
  /** The largest PUBLISH that the broker is to send, in bytes with all properties; larger ones it drops. Default any. */
  maximumPacketSize?: number;
  /** How long the broker keeps the session without a connection. */
  sessionExpirySeconds: number;
  /** Default 5. */
  keepaliveSeconds?: number;
  /** Absent for a connection whose death nobody is to hear of. */
  presence?: PresenceOptions;
}

/** Of a connection: it is lost, it serves again, or its worker cannot serve what it receives. */
export type PresenceNews = 'lost' | 'back' | 'unable';

/** How connections tell each other that one of them is lost. */
export interface PresenceOptions {
  /** The topic of this connection's will. */
  readonly topic: string;
  /** Covers the topics of all of them; the last level is `+`. */
  readonly filter: string;
  /** @param name - the last level of the topic. */
  readonly onMessage: (name: string, news: PresenceNews) => void;
}

/** A received publish. */
export interface Delivery {
  readonly broker: BrokerConnection;
  readonly topic: string;
  readonly payload: Buffer;
  /** Packet Identifier; a redelivery to the same session has the same. 0 at QoS 0. */
  readonly packetId: number;
  /** The broker may have sent it before (DUP, or the first of a resumed session). A worker may or may not have handled it. */
  readonly redelivered: boolean;
  /** Whether a worker has charged its client for it before; `no` for all that is not redelivered. */
  readonly charged: Charged;
  readonly retained: boolean;
  /** When it first arrived, on the clock of `performance.now`. */
  readonly receivedAt: number;
  /** The earliest time at which it may have reached the broker, on the same clock (`DeliveryLag`). */
  readonly arrivedAfter: number;
  readonly correlationData: Buffer | undefined;
  readonly responseTopic: string | undefined;
  readonly userProperties: UserProperties | undefined;
  /**
   * Whether the broker has given it to no other connection since it arrived. It has when this process was frozen or cut
   * off and another worker took over the session. The DUP flag of this copy does not show that.
   */
  isStillOwned(): Promise<boolean>;
  /**
   * Acknowledge: the work on it is done. A second call does nothing. Every delivery needs it, also one of QoS 0,
   * since unacknowledged deliveries count against `receiveMaximum`.
   */
  acknowledge(): void;
  /** Publish an answer at the broker that delivered this; see `BrokerConnection.publish`. */
  reply(publication: Publication): Promise<void>;
}

export interface Publication {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  /** Retain; default false. */
  retain?: boolean;
  /**
   * Whether `publish` may send it on a later connection; default true. With false, the QoS is at most 1, and `publish`
   * throws `Reconnected` instead of waiting for the next connection.
   */
  resend?: boolean;
  /** The `subject` of the `Reconnected` that the last try of the same publication was rejected with. */
  again?: object;
  /** Message Expiry Interval: the broker forgets it when it has waited so many seconds for its reader. Default never. */
  expirySeconds?: number;
  contentType?: string;
  correlationData?: Buffer;
  userProperties?: UserProperties;
}

export interface BrokerState {
  /** The broker has accepted the connection. Publications of the last connection go first. */
  readonly connected: boolean;
  /** The shared subscription is confirmed on this connection. */
  readonly subscribed: boolean;
  /** Why it is not subscribed, in one short sentence without credentials; absent while subscribed. */
  readonly cause?: string;
  /** The broker says that it has no shared subscriptions, so there is none. */
  readonly lacksSharedSubscriptions?: true;
  /** Another connection has taken over the session. */
  readonly takenOver?: boolean;
}

export interface BrokerConnection {
  /** `host:port` of the broker, as its URL names it. */
  readonly address: string;
  /** The name of the broker session: client id and broker address. A session takeover keeps it. */
  readonly session: string;
  /**
   * Publish. Without a connection it waits, and is sent again after a reconnect until the broker has
   * confirmed it: at least once, at QoS 2 exactly once while the session lasts.
   * @returns when the broker has accepted it (PUBACK, PUBCOMP; also when nobody subscribes), at QoS 0 when it is written.
   * @throws PublishRefused when the broker refuses it; ConnectionClosed after `close` or `leave`; Reconnected, see
   *   `Publication.resend`.
   */
  publish(publication: Publication): Promise<void>;
  readonly state: BrokerState;
  /** Received deliveries whose acknowledgement is not written yet. */
  readonly inFlight: number;
  /** The deliveries without an acknowledgement now. */
  readonly unacked: Unacked;
  /** Call `listener` on every change of `state`. */
  onState(listener: (state: BrokerState) => void): void;
  /**
   * Leave without losing a message: unsubscribe, finish and acknowledge what the broker holds, and end the session.
   * It waits for the work, and for a broker that is away: race it against a timer, then call `close`.
   * @param lingerMs - how long no message may have come before it ends the session; default 0. The first call counts.
   * @returns when disconnected, or when `close` was called meanwhile; never rejects.
   */
  leave(lingerMs?: number): Promise<void>;
  /**
   * Finish and acknowledge what is in work, then disconnect. The broker keeps the session with its subscription, and sends the
   * will. It waits for the work as `leave` does, and never rejects.
   */
  suspend(): Promise<void>;
  /**
   * Ask other workers to take the session over, since this one cannot serve what it receives; each call asks again. Until one
   * does, the subscription stays: it may be the only one. Then this side stays away until it is called with false.
   */
  giveWay(isUnable: boolean): void;
  /** Disconnect, and connect again after so long. Meanwhile `cause` says why. */
  standAside(cause: string, forMs: number): void;
  /** Disconnect at once. The broker keeps the session and its unacknowledged messages. */
  close(): Promise<void>;
}

/** What publishing at a broker needs of its connection. */
export type Publisher = Pick<BrokerConnection, 'address' | 'state' | 'publish'>;

export interface ConnectionLog {
  info(message: string): void;
  warn(message: string): void;
}
