import type { Unacked } from './acknowledgements.ts';

/** MQTT 5 user properties; a name that occurs several times has a list. */
export type UserProperties = Record<string, string | string[]>;

export interface ConnectionOptions {
  /** `mqtt://host:1883` or `mqtts://host:8883`. */
  url: string;
  /** Stable over restarts: the broker keeps what is unacknowledged under this name. */
  clientId: string;
  username?: string;
  password?: string;
  tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer };
  /** The shared subscription, `$share/<group>/<filter>`. */
  filter: string;
  /** Deliveries handed out and not yet acknowledged at the same time, 1 to 65,535; also told to the broker. */
  receiveMaximum: number;
  /** How long the broker keeps the session of a worker that is gone. */
  sessionExpirySeconds: number;
  /** Default 30. */
  keepaliveSeconds?: number;
}

/** A received publish. */
export interface Delivery {
  readonly broker: BrokerConnection;
  readonly topic: string;
  readonly payload: Buffer;
  /** Packet Identifier; a redelivery to the same session has the same. 0 at QoS 0. */
  readonly packetId: number;
  /** The DUP flag: the broker sent it before. A first copy may have been handled or not. */
  readonly redelivered: boolean;
  readonly retained: boolean;
  /** When it first came, on the clock of `performance.now`. */
  readonly receivedAt: number;
  readonly correlationData: Buffer | undefined;
  readonly responseTopic: string | undefined;
  readonly userProperties: UserProperties | undefined;
  /**
   * Whether the broker has given it to nobody else since it came. It has when this process was frozen or cut off, and
   * another connected under our client id: what that one did is then not marked as redelivered here.
   */
  isStillOwned(): Promise<boolean>;
  /**
   * The work on it is done: let the broker forget it. A second call does nothing. Every delivery needs it, also one of
   * QoS 0, since unacknowledged deliveries count against `receiveMaximum`.
   */
  acknowledge(): void;
  /** Publish an answer at the broker that delivered this; see `BrokerConnection.publish`. */
  reply(publication: Publication): Promise<void>;
}

export interface Publication {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  /** Let the broker keep it for who subscribes later; default false. */
  retain?: boolean;
  /**
   * Default true. False: it goes out on the connection that there is, at QoS 1 at most; `publish` throws `Reconnected` where
   * it would have to wait for the next one.
   */
  resend?: boolean;
  /** The `subject` of the `Reconnected` that the last try of the same publication was rejected with. */
  again?: object;
  contentType?: string;
  correlationData?: Buffer;
  userProperties?: UserProperties;
}

export interface BrokerState {
  /** The broker has taken us; what is left over from the last connection goes first. */
  readonly connected: boolean;
  /** The shared subscription is confirmed on this connection. */
  readonly subscribed: boolean;
  /** What is in the way, in one short sentence without credentials; absent while subscribed. */
  readonly cause?: string;
  /** Another connection has our client id now. */
  readonly takenOver?: boolean;
}

export interface BrokerConnection {
  /** `host:port` of the broker, as its URL names it. */
  readonly address: string;
  /** The session that the broker keeps for us: our client id and the broker's address. Heirs of a session have its name. */
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
  /** Deliveries received whose acknowledgement is not written yet. */
  readonly inFlight: number;
  /** What the broker waits for, at this moment. */
  readonly unacked: Unacked;
  /** Be told of every change of `state`. */
  onState(listener: (state: BrokerState) => void): void;
  /**
   * Go without losing anything: unsubscribe, finish what the broker still holds for us, acknowledge it, and end the
   * session. Takes as long as the work does, and with the broker away as long as that: race it against a timer, then `close`.
   * @returns when gone, or when `close` was called meanwhile; never rejects.
   */
  leave(): Promise<void>;
  /** Go at once. The broker keeps the session, and with it all that is unacknowledged. */
  close(): Promise<void>;
}

/** What publishing at a broker needs of its connection. */
export type Publisher = Pick<BrokerConnection, 'address' | 'state' | 'publish'>;

export interface ConnectionLog {
  info(message: string): void;
  warn(message: string): void;
}
