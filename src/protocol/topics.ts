import { hasLevels, isPublishableTopic } from '../lib/topic-rules.ts';

/** The levels of a request's topic, `events/1/<node>/api/<user>/<client>/<token>`; any of them may be empty. */
export interface EventTopic {
  readonly node: string;
  readonly user: string;
  readonly client: string;
  readonly token: string;
}

const EVENTS = 'events/1/';
const API = '/api/';
const ACTIONS = 'actions/1/api/';

const MAX_RESPONSE_LEVELS = 16;
const MAX_RESPONSE_BYTES = 512;

/**
 * Reads the topic that a request came on.
 * @returns undefined for any other topic, also for one with more or fewer levels.
 * @see docs/protocol.md, "Topics"
 */
export function parseEventTopic(topic: string): EventTopic | undefined {
  if (!topic.startsWith(EVENTS)) return undefined;
  const nodeEnd = topic.indexOf('/', EVENTS.length);
  if (nodeEnd < 0 || !topic.startsWith(API, nodeEnd)) return undefined;
  const user = nodeEnd + API.length;
  const userEnd = topic.indexOf('/', user);
  if (userEnd < 0) return undefined;
  const clientEnd = topic.indexOf('/', userEnd + 1);
  if (clientEnd < 0 || topic.indexOf('/', clientEnd + 1) >= 0) return undefined;
  return {
    node: topic.slice(EVENTS.length, nodeEnd),
    user: topic.slice(user, userEnd),
    client: topic.slice(userEnd + 1, clientEnd),
    token: topic.slice(clientEnd + 1),
  };
}

/** The topic of a client's answers. */
export function actionTopic(client: string): string {
  return ACTIONS + client;
}

/** The topic of notices to all devices of a phone; `phone` in digits. */
export function sessionTopic(phone: string): string {
  return `ses/${phone}`;
}

/** The shared subscription that delivers each request to exactly one worker of the group. */
export function sharedFilter(group: string): string {
  return `$share/${group}/events/1/+/api/+/+/+`;
}

/**
 * Returns the MQTT 5 Response Topic if this client may use it: its own `actions/1/api/<client>` or a topic below it,
 * of at most 16 levels and 512 bytes.
 *
 * Otherwise returns undefined, so that no answer goes to a third party, or to a topic for which the broker ends the
 * connection.
 */
export function ownResponseTopic(responseTopic: string | undefined, client: string): string | undefined {
  if (responseTopic === undefined || client === '' || responseTopic.length > MAX_RESPONSE_BYTES)
    return undefined;
  const own = actionTopic(client);
  if (responseTopic !== own && !responseTopic.startsWith(`${own}/`)) return undefined;
  if (Buffer.byteLength(responseTopic) > MAX_RESPONSE_BYTES || !hasLevels(responseTopic, MAX_RESPONSE_LEVELS))
    return undefined;
  return isPublishableTopic(responseTopic) ? responseTopic : undefined;
}

/**
 * The client that a Response Topic of exactly the form `actions/1/api/<client>` names. This is only a name: the token
 * authenticates the client.
 */
export function clientOfResponseTopic(responseTopic: string | undefined): string | undefined {
  if (!responseTopic?.startsWith(ACTIONS) || !isPublishableTopic(responseTopic)) return undefined;
  const client = responseTopic.slice(ACTIONS.length);
  return client === '' || client.includes('/') ? undefined : client;
}
