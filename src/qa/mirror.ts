import { decode, type Limits, type Term } from '../etf/index.ts';
import { printBriefly, printRecords } from './formats/erlang-lines.ts';
import type { Format } from './formats/format.ts';
import { toJson } from './formats/json-write.ts';
import { redact } from './redact.ts';
import { summedUp } from './summary.ts';

/** The fields of a mirrored message. */
export interface Shown {
  readonly form: Format;
  /** The size of the original payload in bytes. */
  readonly bytes: number;
  /** From the arrival of the request to the publish of this answer. */
  readonly milliseconds?: number;
  readonly redelivered?: true;
  /** The ETF message; `undefined` if the payload is unreadable. */
  readonly message: Uint8Array | undefined;
  /** A message beyond these is not decoded. */
  readonly limits: Limits;
  /** Why it is unreadable or no request. */
  readonly because?: string | undefined;
}

/** `qa/<side>/<client>/<request>`; an empty level becomes `-`, because a final `/` is easy to overlook. */
export function mirrorTopic(side: 'req' | 'rep', client: string, request: string): string {
  return `qa/${side}/${client || '-'}/${request || '-'}`;
}

/** The topic that mirrors the notices to a phone. */
export function noticeMirrorTopic(phone: string): string {
  return `qa/ses/${phone}`;
}

/** Testers compare the history of a topic, of which MQTT Explorer keeps about 15 KB. */
const maxBytes = 6 * 1024;
/** The line at the head fits into the window of MQTT Explorer. */
const maxBrief = 160;

/**
 * A message as JSON for people: first what it says in one line, under the name of its side; then the term with names; last
 * the Erlang text. Secrets are redacted.
 * A message above 6 KB has `"truncated": true`: its term is summed up (`summedUp`) or left out, and its text is cut.
 * @param side - `request`, `answer` or `notice`.
 */
export function mirrored(side: Side, { message, limits, ...about }: Shown, at: Date): Buffer {
  const head = { at: at.toISOString(), ...about };
  const term = message === undefined ? undefined : decodeIfTerm(message, limits);
  if (term === undefined) return json({ [side]: about.because ?? 'unreadable', ...head });
  const safe = redact(term);
  const brief = { [side]: printBriefly(safe, maxBrief) };
  const named = toJson(safe);
  const text = printRecords(safe).split('\n');
  const whole = json({ ...brief, term: named, ...head, text });
  if (whole.length <= maxBytes) return whole;
  const first = { ...brief, truncated: true };
  const summed = { ...first, term: summedUp(named), ...head };
  const isTooLong = json(summed).length > maxBytes / 2;
  return truncated(isTooLong ? { ...first, ...head } : summed, text);
}

type Side = 'request' | 'answer' | 'notice';

function truncated(head: object, text: readonly string[]): Buffer {
  const kept: string[] = [];
  let room = maxBytes - json({ ...head, text: ['…'] }).length;
  for (const line of text) {
    const cut = line.length > maxLine ? `${Array.from(line.slice(0, maxLine)).slice(0, -1).join('')}…` : line;
    room -= Buffer.byteLength(JSON.stringify(cut)) + lineOverhead;
    if (room < 0) break;
    kept.push(cut);
  }
  return json({ ...head, text: [...kept, '…'] });
}

/** Bytes of indentation, comma and line end. */
const lineOverhead = 6;
const maxLine = 1024;

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value, undefined, 2));
}

function decodeIfTerm(message: Uint8Array, limits: Limits): Term | undefined {
  try {
    return decode(message, limits);
  } catch {
    return undefined;
  }
}
