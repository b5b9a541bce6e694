import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestRow } from '../handlers/index.ts';
import { type EventTopic, Topics } from '../protocol/topics.ts';
import type { Session } from '../store/request-state.ts';
import { SERVICE } from '../store/sessions.ts';

/** Who asks, and how that is known (docs/protocol.md, "Who is asking"). */
export interface Authenticator {
  /** The client that a publish comes from; `''` if nobody can be answered. */
  clientOf(event: EventTopic, responseTopic: string | undefined): string;
  /**
   * The phone that the client's session belongs to; `undefined` if it has none, or does not prove to be its own. A client
   * with a worker's id has none. {@link SERVICE} for a trusted service: its id begins as theirs do, and no phone has signed
   * in with it.
   */
  phoneOf(session: Session | undefined, event: EventTopic, client: string): string | undefined;
  /** Whether a client id begins as those of trusted services do. It is not enough to be one. */
  isServiceId(client: string): boolean;
}

/** What client ids begin with that are not phones'. */
export interface ReservedPrefixes {
  readonly worker: string;
  /** Absent where no service is trusted. */
  readonly service?: string | undefined;
}

/**
 * @param identitySource - `broker`: the broker wrote the client level itself, so it is true. `token`: nobody did; the client
 *   proves itself by the token level, and may name itself by its MQTT 5 Response Topic.
 * @param prefixes - by which a client that is no phone is known.
 * @param topics - in which a Response Topic names a client; default those of clients in the field.
 */
export function authenticatorFor(
  identitySource: 'broker' | 'token',
  prefixes: ReservedPrefixes,
  topics = new Topics(),
): Authenticator {
  const isServiceId = (client: string): boolean =>
    prefixes.service !== undefined && client.startsWith(prefixes.service);
  /** @param owner - whose session it is; absent where the client has none. */
  const ownerOf = (client: string, owner: string | undefined): string | undefined => {
    if (client.startsWith(prefixes.worker)) return undefined;
    // A phone that has signed in under a service's id is neither of them, and a service's session makes no other client one.
    return isServiceId(client) === (owner === SERVICE) ? owner : undefined;
  };
  if (identitySource === 'broker') {
    return {
      isServiceId,
      clientOf: ({ client }) => client,
      // The broker authenticates the id of a service, which has no session.
      phoneOf: (session, _, client) =>
        ownerOf(client, session?.phone ?? (isServiceId(client) ? SERVICE : undefined)),
    };
  }
  return {
    isServiceId,
    clientOf: ({ client }, responseTopic) =>
      client || (responseTopic && topics.clientOfResponseTopic(responseTopic)) || '',
    phoneOf: (session, { token }, client) =>
      session !== undefined && isHashOf(session.tokenHash, token)
        ? ownerOf(client, session.phone)
        : undefined,
  };
}

/** Whether a client may ask, by the phone of its session. */
export function isAuthorized(
  { names, forServices }: Pick<RequestRow, 'names' | 'forServices'>,
  sessionPhone: string | undefined,
  phone: string,
): boolean {
  if (sessionPhone === SERVICE) return forServices === true;
  return names === 'any' ? sessionPhone !== undefined : sessionPhone === phone;
}

/** @param hash - SHA-256 in hex, `''` if there is none; compared in constant time. */
function isHashOf(hash: string, token: string): boolean {
  const expected = Buffer.from(hash, 'hex');
  const actual = createHash('sha256').update(token).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
