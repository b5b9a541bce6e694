import type { Topics } from '../protocol/topics.ts';

/** What the broker's plugin says of a publish that became no request (`plugin_opt_hints`). */
export interface MissedPublish {
  readonly why: 'retained' | 'limit' | 'other';
  readonly topic: string;
  /** The first bytes of the payload. */
  readonly start: Buffer;
}

/** Where the plugin says it: `qa/missed/<client>`; the worker that hears it gives the hint. */
export const missedTopic = 'qa/missed/';

/** Read `<why> <topic>\0<first bytes of the payload>`. */
export function readMissed(payload: Buffer): MissedPublish | undefined {
  const end = payload.indexOf(0);
  const [, why, topic] =
    /^(retained|limit|other) ([\s\S]*)$/.exec(payload.toString('utf8', 0, Math.max(0, end))) ?? [];
  if (topic === undefined) return undefined;
  return { why: why as MissedPublish['why'], topic, start: payload.subarray(end + 1) };
}

/** One sentence on what is wrong with it; `undefined` for a publish that nobody takes for a request. */
export function whyMissed({ why, topic, start }: MissedPublish, topics: Topics): string | undefined {
  if (why === 'retained')
    return `${shown(topic)}: "retain" was ticked. Nothing is kept below it; untick it and publish again.`;
  if (why === 'limit')
    return `${shown(topic)}: the broker took it for too much, by number or by size (plugin_opt_requests_…). Wait a moment.`;
  const right = `The topic of requests is ${topics.request()}`;
  const slip = slipIn(topic, topics);
  if (slip !== undefined) return `${shown(topic)} ${slip}. ${right}`;
  if (!isLikeRequest(start)) return undefined;
  return `A request was published to ${shown(topic)}, where no worker reads: with an empty Topic field MQTT Explorer takes the topic that is selected. ${right}`;
}

/** What keeps a topic from being that of requests, if it is near. */
function slipIn(topic: string, topics: Topics): string | undefined {
  const isRequest = (mended: string): boolean => topics.readRequest(mended) !== undefined;
  for (const [mend, slip] of slips) if (isRequest(mend(topic))) return slip;
  const bare = mendAll(topic);
  if (isRequest(bare)) return 'has several slips: capitals, white space or slashes at its ends';
  const [levels, wanted] = [bare.split('/'), topics.patterns.request.split('/')];
  if (levels[0] !== wanted[0]?.toLowerCase()) return undefined;
  const missing = wanted.length - levels.length;
  const slashes = Math.abs(missing) === 1 ? 'a slash' : `${Math.abs(missing)} slashes`;
  if (missing !== 0) return `has ${slashes} too ${missing > 0 ? 'few' : 'many'}`;
  const wrong = levels.find(
    (level, at) => !wanted[at]?.startsWith(':') && level !== wanted[at]?.toLowerCase(),
  );
  return `has ${shown(wrong ?? '')} where another word belongs`;
}

const slips: readonly (readonly [mend: (topic: string) => string, slip: string])[] = [
  [(topic) => topic.trim(), 'has white space at an end'],
  [(topic) => topic.replace(/^\/+/, ''), 'begins with a slash'],
  [(topic) => topic.toLowerCase(), 'has a capital letter'],
];

const mendAll = (topic: string): string => topic.trim().replace(/^\/+/, '').toLowerCase();

/** The beginnings of a request in each form. */
function isLikeRequest(start: Buffer): boolean {
  return /^\x83|'Profile'|"request"\s*:|^\s*(?:0x)?83[\s:]*68|^\s*g2g/i.test(start.toString('latin1'));
}

const maxShown = 80;
const shown = (topic: string): string =>
  JSON.stringify(topic.length > maxShown ? `${topic.slice(0, maxShown)}…` : topic);
