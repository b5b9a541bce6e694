import type { IClientOptions } from 'mqtt';
import { backoffMs } from '../lib/backoff.ts';
import type { ConnectionOptions } from './broker.ts';
import { PacketIds } from './packet-ids.ts';
import { LOST } from './presence.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A broker that is silent is given up after one and a half times as long; it gives up a worker after the same time. */
const KEEPALIVE_SECONDS = 5;

/** The options of MQTT.js. */
export function clientOptions(options: Omit<ConnectionOptions, 'filter' | 'senderOf'>): IClientOptions {
  const { username, password, tls, sessionExpirySeconds, receiveMaximum, maximumPacketSize, presence } =
    options;
  return {
    protocolVersion: 5,
    clientId: options.clientId,
    clean: false,
    keepalive: options.keepaliveSeconds ?? KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: backoffMs(0),
    reconnectOnConnackError: true,
    resubscribe: false,
    reschedulePings: false, // a ping every keep-alive time, busy or not, instead of a timer moved with every packet
    log: () => undefined, // the debug package costs time even when it is off
    writeCache: false, // a buffer for each of 65,536 numbers: 7 MB for packets that MQTT.js seldom writes here
    messageIdProvider: new PacketIds(),
    properties: {
      sessionExpiryInterval: sessionExpirySeconds,
      receiveMaximum,
      ...(maximumPacketSize !== undefined && { maximumPacketSize }),
    },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...tls,
    ...(presence && { will: { topic: presence.topic, payload: Buffer.from(LOST), qos: 0, retain: false } }),
  };
}

/** "Disconnect with Will Message" (MQTT 5.0, 3.14.2.1). */
const WITH_WILL = 0x04;

/** A session that is kept needs a successor, so the broker sends the will. One that ends needs none. */
export function disconnectOptions(keepsSession: boolean): DisconnectOptions {
  if (keepsSession) return { reasonCode: WITH_WILL };
  return { reasonCode: 0, properties: { sessionExpiryInterval: 0 } };
}

interface DisconnectOptions {
  readonly reasonCode: number;
  readonly properties?: { readonly sessionExpiryInterval: number };
}
