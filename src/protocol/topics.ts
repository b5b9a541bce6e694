import { hasLevels, isPublishableTopic } from '../lib/topic-rules.ts';
import {
  fieldPatterns,
  filterOf,
  isPlaceholder,
  replaceLevels,
  type TopicPatterns,
} from './topic-patterns.ts';

/** What the topic of a request says; both may be empty. */
export interface EventTopic {
  readonly client: string;
  /** `''` where the pattern has no level for it. */
  readonly token: string;
}

/**
 * Characters in a level that a client fills in. Clients are keys of maps here and in Redis: V8 hashes a string of over
 * 16,383 characters by its length alone, and a key keeps the whole topic that it was cut from.
 */
const MAX_LEVEL_LENGTH = 1_024;

const MAX_RESPONSE_LEVELS = 16;
const MAX_RESPONSE_BYTES = 512;

/** The topics of a deployment, made once from its patterns. */
export class Topics {
  readonly patterns: TopicPatterns;
  /** The filter of all requests. */
  readonly requests: string;
  /** The filter of all answers, Response Topics included. */
  readonly answers: string;
  /** The filter of all notices. */
  readonly notices: string;
  readonly #request: RegExp;
  /** The places of their groups; 0 where there is no token. */
  readonly #clientAt: number;
  readonly #tokenAt: number;
  /** Their levels; -1 where there is none. */
  readonly #clientLevel: number;
  readonly #tokenLevel: number;
  readonly #answer: Affixes;
  readonly #notice: Affixes;

  /** @param patterns - as `patternProblem` takes them. */
  constructor(patterns: TopicPatterns = fieldPatterns) {
    this.patterns = patterns;
    this.requests = filterOf(patterns.request);
    this.answers = `${filterOf(patterns.answer)}/#`;
    this.notices = filterOf(patterns.notice);
    const read = patterns.request.split('/').filter((level) => level === ':client' || level === ':token');
    this.#request = splitterOf(patterns.request, read);
    this.#clientAt = read.indexOf(':client') + 1;
    this.#tokenAt = read.indexOf(':token') + 1;
    this.#clientLevel = patterns.request.split('/').indexOf(':client');
    this.#tokenLevel = patterns.request.split('/').indexOf(':token');
    this.#answer = affixesOf(patterns.answer);
    this.#notice = affixesOf(patterns.notice);
  }

  /**
   * Whose turn a request takes, by any topic: the client; where only tokens show who asks, client and token. What is no
   * request for a level that is too long has one turn in common.
   */
  senderOf(topic: string, identitySource: 'broker' | 'token'): string {
    if (hasLongLevel(topic)) return '';
    const client = levelOf(topic, this.#clientLevel);
    return identitySource === 'broker' ? client : `${client}/${levelOf(topic, this.#tokenLevel)}`;
  }

  /**
   * Reads the topic that a request came on.
   * @returns undefined for any other topic, also for one with more or fewer levels, or a level of over 1,024 characters.
   * @see docs/protocol.md, "Topics"
   */
  readRequest(topic: string): EventTopic | undefined {
    if (hasLongLevel(topic)) return undefined;
    const levels = this.#request.exec(topic);
    if (levels === null) return undefined;
    const client = levels[this.#clientAt] as string;
    return { client, token: this.#tokenAt === 0 ? '' : (levels[this.#tokenAt] as string) };
  }

  /**
   * The topic that a client publishes a request to. Without a client it is the one of clients in the field, whose client
   * level the broker fills in.
   * @param token - dropped where the pattern has no level for it.
   */
  request(client = '', token = ''): string {
    const values: Readonly<Record<string, string>> = { user: 'anon', client, token };
    return replaceLevels(this.patterns.request, (name) => values[name] ?? '');
  }

  /** The topic of a client's answers. */
  answer(client: string): string {
    return this.#answer.before + client + this.#answer.after;
  }

  /** The topic of notices to all clients of a phone; `phone` in digits. */
  notice(phone: string): string {
    return this.#notice.before + phone + this.#notice.after;
  }

  /** The shared subscription that delivers each request to exactly one worker of the group. */
  sharedFilter(group: string): string {
    return `$share/${group}/${this.requests}`;
  }

  /**
   * Returns the MQTT 5 Response Topic if this client may use it: the topic of its own answers, or a topic below it, of at
   * most 16 levels and 512 bytes.
   *
   * Otherwise returns undefined, so that no answer goes to a third party, or to a topic for which the broker ends the
   * connection.
   */
  ownResponseTopic(responseTopic: string | undefined, client: string): string | undefined {
    if (responseTopic === undefined || client === '' || responseTopic.length > MAX_RESPONSE_BYTES)
      return undefined;
    const own = this.answer(client);
    if (responseTopic !== own && !responseTopic.startsWith(`${own}/`)) return undefined;
    if (
      Buffer.byteLength(responseTopic) > MAX_RESPONSE_BYTES ||
      !hasLevels(responseTopic, MAX_RESPONSE_LEVELS)
    )
      return undefined;
    return isPublishableTopic(responseTopic) ? responseTopic : undefined;
  }

  /**
   * The client that a Response Topic names which is exactly the topic of its answers. This is only a name: the token
   * authenticates the client.
   */
  clientOfResponseTopic(responseTopic: string | undefined): string | undefined {
    if (responseTopic === undefined || hasLongLevel(responseTopic) || !isPublishableTopic(responseTopic))
      return undefined;
    const client = levelIn(this.#answer, responseTopic);
    return client !== undefined && this.answer(client) === responseTopic ? client : undefined;
  }

  /** The client that an answer is for, also on a topic below that of its answers. */
  clientOfAnswer(topic: string): string | undefined {
    const client = levelIn(this.#answer, topic);
    const own = client === undefined ? undefined : this.answer(client);
    return own !== undefined && (topic === own || topic.startsWith(`${own}/`)) ? client : undefined;
  }

  /** The phone that a notice is for. */
  phoneOfNotice(topic: string): string | undefined {
    const phone = levelIn(this.#notice, topic);
    return phone !== undefined && this.notice(phone) === topic ? phone : undefined;
  }
}

/** What stands before and after the one placeholder of a pattern. */
interface Affixes {
  readonly before: string;
  readonly after: string;
}

/** Looks at the levels of long topics alone: nearly none is. */
function hasLongLevel(topic: string): boolean {
  if (topic.length <= MAX_LEVEL_LENGTH) return false;
  return topic.split('/').some((level) => level.length > MAX_LEVEL_LENGTH);
}

/** @returns `''` where a topic has no such level. */
function levelOf(topic: string, level: number): string {
  if (level < 0) return '';
  let start = 0;
  for (let passed = 0; passed < level; passed++) {
    start = topic.indexOf('/', start) + 1;
    if (start === 0) return '';
  }
  const end = topic.indexOf('/', start);
  return topic.slice(start, end < 0 ? undefined : end);
}

function affixesOf(pattern: string): Affixes {
  const levels = pattern.split('/');
  const at = levels.findIndex(isPlaceholder);
  const before = levels.slice(0, at).map((level) => `${level}/`);
  const after = levels.slice(at + 1).map((level) => `/${level}`);
  return { before: before.join(''), after: after.join('') };
}

/** Each level that is read is a group. No text matches it in two ways, so it takes no longer than the topic is long. */
function splitterOf(pattern: string, read: readonly string[]): RegExp {
  const levels = pattern.split('/').map((level) => {
    if (!isPlaceholder(level)) return level.replaceAll(/[^\w]/g, '\\$&');
    return read.includes(level) ? '([^/]*)' : '[^/]*';
  });
  return new RegExp(`^${levels.join('/')}$`);
}

/** The level after `before`, unless it is empty. */
function levelIn({ before }: Affixes, topic: string): string | undefined {
  if (!topic.startsWith(before)) return undefined;
  const slash = topic.indexOf('/', before.length);
  return topic.slice(before.length, slash < 0 ? undefined : slash) || undefined;
}
