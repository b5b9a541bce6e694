/** Readers of setting values, with the message for a malformed one. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseRedisUrl } from '../lib/redis-url.ts';
import { patternProblem, type TopicPatterns } from '../protocol/topic-patterns.ts';

export const integer = (min: number, max: number, preset: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `is not between ${min} and ${max}`)
    .default(preset);

export const urls = (protocols: readonly string[]) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine(
      (parts) => parts.every((part) => isUrl(part, protocols)),
      `is not a URL (${protocols.join(' or ')})`,
    )
    // The sessions of one worker on one broker would cut each other off for ever.
    .refine((parts) => new Set(parts.map(serverOf)).size === parts.length, 'names one broker twice');

/** Host and port, the usual one if none is given. */
function serverOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, hostname, port } = new URL(url);
  return `${hostname.toLowerCase()}:${port || (protocol === 'mqtts:' ? 8883 : 1883)}`;
}

export const text = z.string().min(1, 'is empty');

/** A PEM text, or the path of a file that holds one. */
export const pem = z.string().transform((value, context) => {
  if (value.startsWith('-----BEGIN')) return Buffer.from(value);
  try {
    return readFileSync(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'is neither a PEM text nor a file that can be read' });
    return z.NEVER;
  }
});

export const onOff = (preset: 'on' | 'off') =>
  z
    .enum(['on', 'off'], 'is not on or off')
    .transform((value) => value === 'on')
    .default(preset === 'on');

/** The pattern of topics, with what is wrong in it as the message. */
export const topicPattern = (of: keyof TopicPatterns) =>
  z.string().superRefine((pattern, context) => {
    const message = patternProblem(of, pattern);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** `Name=value,Name=value`. */
export const tags = z
  .string()
  .regex(/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/, 'is not Name=value,Name=value')
  .transform((list) =>
    Object.fromEntries(list.split(',').map((tag) => tag.split('=', 2) as [string, string])),
  );

/** 32 bytes in base64, several comma-separated; the first encrypts. */
export const credentialsKeys = z
  .string()
  .transform((list) => list.split(',').map((key) => Buffer.from(key.trim(), 'base64')))
  .refine((keys) => keys.every((key) => key.length === 32), 'is not 32 bytes in base64');

export const redisUrl = z.string().superRefine((value, context) => {
  const read = parseRedisUrl(value);
  if (typeof read === 'string') context.addIssue({ code: 'custom', message: read });
});

export function toQos(text: string): 0 | 1 | 2 {
  return text === '0' ? 0 : text === '1' ? 1 : 2;
}

export function isUrl(value: string, protocols: readonly string[]): boolean {
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
