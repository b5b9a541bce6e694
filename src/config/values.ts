/** Readers of setting values: each gives what a text means, or throws an error with what is wrong in it. */
import { readFileSync } from 'node:fs';
import { makeExactValidator, makeValidator } from 'envalid';
import { parseRedisUrl } from '../lib/redis-url.ts';
import { patternProblem, type TopicPatterns } from '../protocol/topic-patterns.ts';
import { parseSender } from '../services/mail/email-address.ts';

/** Of a setting that may be missing. */
export const optional = { default: undefined } as const;

/** A text, unless `problemOf` says what is wrong in it. */
const checked = (problemOf: (text: string) => string | undefined) =>
  makeExactValidator<string>((text) => {
    const problem = problemOf(text);
    if (problem !== undefined) throw new Error(problem);
    return text;
  });

export const text = checked(() => undefined);

export const matching = (shape: RegExp, problem: string) =>
  checked((text) => (shape.test(text) ? undefined : problem));

const levelFrom = (least: number) =>
  matching(new RegExp(`^[^/+#\\0]{${least},128}$`), `is not ${least} to 128 characters without / + #`);

export const topicLevel = levelFrom(1);

/** So long that no phone's client id begins with it by chance. */
export const servicePrefix = levelFrom(4);

export const secret = matching(/^.{32,}$/s, 'has less than 32 characters');

export const sender = checked((from) =>
  parseSender(from) === undefined ? 'is not an e-mail address' : undefined,
);

/** One of a few words. */
export const oneOf = <Word extends string>(words: readonly Word[], problem: string) =>
  makeExactValidator<Word>((text) => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new Error(problem);
    return found;
  });

export const integer = (min: number, max: number, preset: number) =>
  makeValidator<number>((text) => {
    if (!/^\d{1,15}$/.test(text)) throw new Error('is not a whole number');
    const value = Number(text);
    if (value < min || value > max) throw new Error(`is not between ${min} and ${max}`);
    return value;
  })({ default: preset });

const portZero = 'has port 0, at which no server listens';

export const urls = (protocols: readonly string[]) =>
  makeExactValidator<readonly string[]>((list) => {
    const parts = list.split(',').map((part) => part.trim());
    if (!parts.every((part) => isUrl(part, protocols)))
      throw new Error(`is not a URL (${protocols.join(' or ')})`);
    if (parts.some((part) => new URL(part).port === '0')) throw new Error(portZero);
    // The sessions of one worker on one broker would cut each other off for ever.
    if (new Set(parts.map(serverOf)).size < parts.length) throw new Error('names one broker twice');
    return parts;
  })();

/** Host and port, the usual one if none is given. */
function serverOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname.toLowerCase()}:${port || (protocol === 'mqtts:' ? 8883 : 1883)}`;
}

/** A PEM text, or the path of a file that holds one. */
export const pem = makeExactValidator<Buffer>((value) => {
  if (value.startsWith('-----BEGIN')) return Buffer.from(value);
  try {
    return readFileSync(value);
  } catch {
    throw new Error('is neither a PEM text nor a file that can be read');
  }
})(optional);

const isOn = makeExactValidator<boolean>((text) => {
  if (text !== 'on' && text !== 'off') throw new Error('is not on or off');
  return text === 'on';
});

export const onOff = (preset: 'on' | 'off') => isOn({ default: preset === 'on' });

/** The pattern of topics. */
export const topicPattern = (of: keyof TopicPatterns, preset: string) =>
  checked((pattern) => patternProblem(of, pattern))({ default: preset });

/** `Name=value,Name=value`. */
export const tags = makeExactValidator<Record<string, string>>((list) => {
  if (!/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/.test(list)) throw new Error('is not Name=value,Name=value');
  return Object.fromEntries(list.split(',').map((tag) => tag.split('=', 2) as [string, string]));
});

/** 32 bytes in base64, several comma-separated; the first encrypts. */
export const credentialsKeys = makeExactValidator<readonly Buffer[]>((list) => {
  const keys = list.split(',').map((key) => Buffer.from(key.trim(), 'base64'));
  if (!keys.every((key) => key.length === 32)) throw new Error('is not 32 bytes in base64');
  return keys;
});

export const redisUrl = checked((url) => {
  const read = parseRedisUrl(url);
  if (typeof read === 'string') return read;
  return read.addresses.some(({ port }) => port === 0) ? portZero : undefined;
});

export const smtpUrl = checked((url) =>
  isUrl(url, ['smtp:', 'smtps:']) ? undefined : 'is not a URL (smtp: or smtps:)',
);

export const httpUrl = checked((url) =>
  URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? undefined : 'is not an HTTP URL',
);

export const qos = makeExactValidator<0 | 1 | 2>((text) => {
  if (!/^[012]$/.test(text)) throw new Error('is not 0, 1 or 2');
  return Number(text) as 0 | 1 | 2;
});

function isUrl(value: string, protocols: readonly string[]): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(value);
  // A `/`, `?` or `#` that is not percent-encoded ends a password early.
  const isWhole = search === '' && hash === '' && !value.replace(/^\w+:\/\/[^/]*/, '').includes('@');
  return protocols.includes(protocol) && hostname !== '' && isWhole && isEncoded(username + password);
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The URL of the traces: `own`, or the standard path below the collector's address.
 * @see OpenTelemetry, Protocol Exporter, "Endpoint URLs for OTLP/HTTP"
 */
export function tracesUrl(collector: string | undefined, own: string | undefined): string | undefined {
  return own ?? (collector && `${collector.replace(/\/$/, '')}/v1/traces`);
}
