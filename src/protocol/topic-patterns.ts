/** The topics of a deployment. A level that begins with `:` stands for any text. */
export interface TopicPatterns {
  /** Where clients publish requests; holds `:client`. */
  readonly request: string;
  /** Where one client is answered; holds `:client`. */
  readonly answer: string;
  /** Where all clients of one phone get notices; holds `:phone`. */
  readonly notice: string;
}

/** The topics of clients in the field. */
export const fieldPatterns: TopicPatterns = {
  request: 'events/1/:node/api/:user/:client/:token',
  answer: 'actions/1/api/:client',
  notice: 'ses/:phone',
};

/** For each pattern its placeholders; the first one must be there. */
const placeholders: Readonly<Record<keyof TopicPatterns, readonly string[]>> = {
  request: [':client', ':token', ':node', ':user'],
  answer: [':client'],
  notice: [':phone'],
};

const MAX_LEVELS = 16;
const MAX_BYTES = 256;

/**
 * Why a pattern is not one, in words that do not repeat it; `undefined` if it is.
 * @see mosquitto/plugin/topics.h, which has the same rules
 */
export function patternProblem(of: keyof TopicPatterns, pattern: string): string | undefined {
  const levels = pattern.split('/');
  const [first = ''] = levels;
  const known = placeholders[of];
  const used = levels.filter(isPlaceholder);
  if (levels.length > MAX_LEVELS) return `has more than ${MAX_LEVELS} levels`;
  if (Buffer.byteLength(pattern) > MAX_BYTES) return `has more than ${MAX_BYTES} bytes`;
  if (/[+#]/.test(pattern)) return 'holds a wildcard';
  if (!/^[!-~]*$/.test(pattern)) return 'holds white space, control characters or characters beyond ASCII';
  if (isPlaceholder(first) || first.startsWith('$')) return 'does not begin with a name';
  if (levels.includes('')) return 'has an empty level';
  if (used.some((name) => !known.includes(name))) return `has a placeholder other than ${known.join(' ')}`;
  const twice = used.find((name, index) => used.indexOf(name) !== index);
  if (twice !== undefined) return `has ${twice} twice`;
  const [needed = ''] = known;
  return used.includes(needed) ? undefined : `has no level ${needed}`;
}

type OfTopics = keyof TopicPatterns | 'qa';

/** Which of the patterns name topics in common, also with those of the QA mirror. A Response Topic may lie below an answer's. */
export function patternOverlaps(patterns: TopicPatterns): (readonly [OfTopics, OfTopics])[] {
  const filters = [
    ['request', filterOf(patterns.request)],
    ['answer', `${filterOf(patterns.answer)}/#`],
    ['notice', filterOf(patterns.notice)],
    ['qa', 'qa/#'],
  ] as const;
  return filters.flatMap(([name, filter], index) =>
    filters
      .slice(index + 1)
      .filter(([, other]) => isOverlap(filter, other))
      .map(([other]) => [name, other] as const),
  );
}

/** Whether a request's pattern has a level for the session's token. */
export const hasTokenLevel = (request: string): boolean => request.split('/').includes(':token');

/** The MQTT filter that matches each topic of a pattern. */
export const filterOf = (pattern: string): string => replaceLevels(pattern, () => '+');

/** The topic of a pattern with a value for each placeholder, by its name without the colon. */
export function replaceLevels(pattern: string, levelFor: (placeholder: string) => string): string {
  return pattern
    .split('/')
    .map((level) => (isPlaceholder(level) ? levelFor(level.slice(1)) : level))
    .join('/');
}

export const isPlaceholder = (level: string): boolean => level.startsWith(':');

/** Whether a topic can match both filters. */
function isOverlap(one: string, other: string): boolean {
  const [left, right] = [one.split('/'), other.split('/')];
  for (let at = 0; ; at++) {
    const [a, b] = [left[at], right[at]];
    if (a === '#' || b === '#' || (a === undefined && b === undefined)) return true;
    if (a !== b && (a === undefined || b === undefined || (a !== '+' && b !== '+'))) return false;
  }
}
