import { type ISubscriptionGrant, ReasonCodes } from 'mqtt';
import { systemCause } from '../lib/system-causes.ts';
import { tlsCause } from '../lib/tls-causes.ts';
import type { Ending } from './suspects.ts';

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOTFOUND: 'broker host name not found',
  EAI_AGAIN: 'broker host name not resolved',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'broker host unreachable',
  ENETUNREACH: 'broker network unreachable',
  "Couldn't connect to server": 'the broker ended the connection before an answer',
  'connack timeout': 'no answer from the broker',
  'Keepalive timeout': 'broker silent for longer than the keep-alive time',
};

/** An error of MQTT.js without a code is one of its parser. */
const UNREADABLE = 'the broker sent a packet that cannot be read';

/** By its CONNACK (MQTT 5.0, 3.2.2.3.13). */
export const NO_SHARED_SUBSCRIPTIONS = 'the broker has no shared subscriptions';

/**
 * Why there is no connection, in one short sentence. It is made from codes, because a foreign message might quote an
 * address or a credential.
 */
export function causeOf(error: Error & { code?: unknown }): string {
  const { code } = error;
  if (typeof code === 'number') {
    return `connection ${error.message.startsWith('Connection refused') ? 'refused' : 'broken off'}: ${reasonText(code)}`;
  }
  const known = CAUSES[typeof code === 'string' ? code : error.message];
  return (
    known ??
    tlsCause(code) ??
    systemCause(code) ??
    (typeof code === 'string' ? `connection failed: ${code}` : UNREADABLE)
  );
}

/** Why a broker ended the connection before its CONNACK. It may expect the other protocol there. */
export function causeBeforeAnswer(error: Error & { code?: unknown }, url: string): string {
  const cause = causeOf(error);
  if (cause !== CAUSES.ECONNRESET && cause !== UNREADABLE) return cause;
  const other = url.startsWith('mqtts:') ? 'one without TLS (mqtt://)' : 'one for TLS (mqtts://)';
  return `${cause} before an answer: is that port ${other}?`;
}

/** The MQTT 5 name of a reason code, in small letters; the number for an unknown one. */
export function reasonText(code: number): string {
  const name = (ReasonCodes as Readonly<Record<number, string>>)[code];
  return name ? name.toLowerCase() : `reason ${code}`;
}

/** @returns what is wrong with a subscription that the broker granted. */
export function weakGrant(granted: ISubscriptionGrant[] | undefined): string | undefined {
  return granted?.[0]?.qos === 1 ? undefined : 'granted without acknowledgements (QoS 0)';
}

/**
 * Whether packets of this side may have caused the end of a connection.
 * @param cause - the reason code of the broker's DISCONNECT, or the error of the socket or of MQTT.js.
 * @param before - the result of an earlier cause, which takes precedence: a reset socket often follows.
 */
export function endingOf(cause: number | (Error & { code?: unknown }), before: Ending): Ending {
  if (before !== 'closed') return before;
  if (typeof cause === 'number')
    return blaming.has(cause) ? 'blamed' : vague.has(cause) ? 'closed' : 'unrelated';
  if (/^Invalid pub(ack|rec) reason code$/.test(cause.message)) return 'blamed';
  return cause.code === 'ECONNRESET' || cause.code === 'EPIPE' ? 'closed' : 'unrelated';
}

/**
 * Malformed packet, protocol error, topic name invalid, packet too large, payload format invalid, retain not supported,
 * QoS not supported (MQTT 5.0, 3.14.2.1).
 */
const blaming: ReadonlySet<number> = new Set([0x81, 0x82, 0x90, 0x95, 0x99, 0x9a, 0x9b]);

/** Normal disconnection, unspecified error, implementation specific error, not authorized, quota exceeded. */
const vague: ReadonlySet<number> = new Set([0x00, 0x80, 0x83, 0x87, 0x97]);
