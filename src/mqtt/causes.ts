import { ReasonCodes } from 'mqtt';
import { tlsCause } from '../tls-causes.ts';

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOTFOUND: 'broker host name not found',
  EAI_AGAIN: 'broker host name not resolved',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'broker host unreachable',
  ENETUNREACH: 'broker network unreachable',
  'connack timeout': 'no answer from the broker',
  'Keepalive timeout': 'broker silent for longer than the keep-alive time',
};

/**
 * Why there is no connection, in one short sentence. Made from codes, never from a foreign message that might quote an
 * address or a credential.
 */
export function causeOf(error: Error & { code?: unknown }): string {
  const { code } = error;
  if (typeof code === 'number') {
    return `connection ${error.message.startsWith('Connection refused') ? 'refused' : 'broken off'}: ${reasonText(code)}`;
  }
  const known = CAUSES[typeof code === 'string' ? code : error.message];
  return (
    known ?? tlsCause(code) ?? (typeof code === 'string' ? `connection failed: ${code}` : 'connection failed')
  );
}

/** The MQTT 5 name of a reason code, in small letters; the number for an unknown one. */
export function reasonText(code: number): string {
  const name = (ReasonCodes as Readonly<Record<number, string>>)[code];
  return name ? name.toLowerCase() : `reason ${code}`;
}
