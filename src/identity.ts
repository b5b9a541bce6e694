import { clientOfResponseTopic, type EventTopic } from './mqtt/topics.ts';
import type { Sessions } from './store/sessions.ts';

/** Who asks, and how that is known (docs/protocol.md, "Who is asking"). */
export interface Identity {
  /** The client that a publish comes from; `''` if nobody can be answered. */
  clientOf(event: EventTopic, responseTopic: string | undefined): string;
  /** The phone that the client's session belongs to; `undefined` if it has none, or does not prove to be its own. */
  phoneOf(client: string, event: EventTopic): Promise<string | undefined>;
}

/**
 * @param vouching - `broker`: the broker wrote the client level itself, so it is true. `token`: nobody did; the client
 *   proves itself by the token level, and may name itself by its MQTT 5 Response Topic.
 */
export function identityBy(vouching: 'broker' | 'token', sessions: Sessions): Identity {
  if (vouching === 'broker') {
    return {
      clientOf: ({ client }) => client,
      phoneOf: (client) => sessions.phoneOf(client),
    };
  }
  return {
    clientOf: ({ client }, responseTopic) =>
      client || (responseTopic && clientOfResponseTopic(responseTopic)) || '',
    phoneOf: (client, { token }) => sessions.phoneOfToken(client, token),
  };
}
