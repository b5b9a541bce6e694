import type { IClientOptions } from 'mqtt';
import { backoffMs } from '../lib/backoff.ts';
import type { ConnectionOptions } from './broker.ts';
import { PacketIds } from './packet-ids.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_SECONDS = 30;

/** The options of MQTT.js. */
export function clientOptions(options: ConnectionOptions): IClientOptions {
  const { username, password, tls, sessionExpirySeconds, receiveMaximum, maximumPacketSize } = options;
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
    messageIdProvider: new PacketIds(),
    properties: {
      sessionExpiryInterval: sessionExpirySeconds,
      receiveMaximum,
      ...(maximumPacketSize !== undefined && { maximumPacketSize }),
    },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...tls,
  };
}
