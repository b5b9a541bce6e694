/** The words that the documents do not use, and the limits that they keep. `npm run check` reads both. */

export const limits = {
  /** Characters of a line; tables, code and headings are free. */
  lineLength: 120,
  /** Words of a sentence: nine of ten sentences of a page have at most so many. */
  sentenceWords: 25,
  /** Words of the longest sentence of a page. */
  longestSentence: 40,
} as const;

/** A private word, and the standard term for it. Names in code spans are data and stay. */
export interface Banned {
  readonly pattern: RegExp;
  readonly instead: string;
}

const ban = (pattern: string, instead: string): Banned => ({
  pattern: new RegExp(`\\b(?:${pattern})\\b`, 'giu'),
  instead,
});

export const banned: readonly Banned[] = [
  ban('heirs?|inherit(?:s|ed|ing)?|bequeath\\w*', 'session takeover, take over'),
  ban('bury|buried|buries', 'deregister'),
  ban('lanes?', 'concurrency limiter, queue'),
  ban('knee', 'saturation point'),
  ban('calm(?:ly|er)?', 'quiet, without load, stable'),
  ban('thaw(?:s|ed|ing)?', 'resumes'),
  ban('stranded', 'unacknowledged, left behind'),
  ban('vouch(?:es|ed|ing)?', 'authenticate'),
  ban('deposed', 'demoted'),
  ban('hand(?:s|ed|ing)? out', 'deliver, dispatch'),
  ban('tak(?:es?|ing) turns|took turns', 'round robin'),
  ban(
    'turns?(?= (?:comes?|ends?))|(?:its|their|a) turn(?! of the event loop)',
    'queue position, round robin, event-loop turn',
  ),
  ban('works? off|worked off', 'process'),
  ban('dies|died|dying', 'exits, is killed, disconnects'),
  ban('doors?', 'port'),
  ban('beats?(?! )', 'sends a heartbeat'),
  ban('owed|owes', 'pending'),
  ban('anew', 'again'),
  ban('ground floor', 'base layer'),
  ban('verdicts?|ledgers?|errands?|hubs?|towns?|crowds?|storms?', 'result, event log, task, mailbox, load'),
  ban('mov(?:es?|ed|ing) in', 'import, migrate'),
  ban('untold|vacated|gathered|withheld', 'pending, released, batched, unacknowledged'),
  ban('whosoever|whomever|thereof|whereby|hitherto|thereupon|lest', 'a plain word'),
  ban('utili[sz]e[sd]?', 'use'),
];
