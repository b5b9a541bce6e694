import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestRow } from '../handlers/index.ts';
import { clientOfResponseTopic, type EventTopic } from '../protocol/topics.ts';
import type { Session } from '../store/request-state.ts';

/** Who asks, and how that is known (docs/protocol.md, "Who is asking"). */
export interface Authenticator {
  /** The client that a publish comes from; `''` if nobody can be answered. */
  clientOf(event: EventTopic, responseTopic: string | undefined): string;
  /**
   * The phone that the client's session belongs to; `undefined` if it has none, or does not prove to be its own. A client
   * with a worker's id has none.
   */
  phoneOf(session: Session | undefined, event: EventTopic, client: string): string | undefined;
}

/**
 * @param identitySource - `broker`: the broker wrote the client level itself, so it is true. `token`: nobody did; the client
 *   proves itself by the token level, and may name itself by its MQTT 5 Response Topic.
 * @param workerPrefix - what the client ids of workers begin with.
 */
export function authenticatorFor(identitySource: 'broker' | 'token', workerPrefix: string): Authenticator {
  const isWorker = (client: string): boolean => client.startsWith(workerPrefix);
  if (identitySource === 'broker') {
    return {
      clientOf: ({ client }) => client,
      phoneOf: (session, _, client) => (isWorker(client) ? undefined : session?.phone),
    };
  }
  return {
    clientOf: ({ client }, responseTopic) =>
      client || (responseTopic && clientOfResponseTopic(responseTopic)) || '',
    phoneOf: (session, { token }, client) =>
      session !== undefined && isHashOf(session.tokenHash, token) && !isWorker(client)
        ? session.phone
        : undefined,
  };
}

/** Whether a client may ask, by the phone of its session. */
export function isAuthorized(
  { names }: Pick<RequestRow, 'names'>,
  sessionPhone: string | undefined,
  phone: string,
): boolean {
  return names === 'any' ? sessionPhone !== undefined : sessionPhone === phone;
}

/** @param hash - SHA-256 in hex, `''` if there is none; compared in constant time. */
function isHashOf(hash: string, token: string): boolean {
  const expected = Buffer.from(hash, 'hex');
  const actual = createHash('sha256').update(token).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
