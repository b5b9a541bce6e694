import { atom, decode, encode, type Limits, Tuple, tuple } from '../etf/index.ts';
import type { Delivery, Publication } from '../mqtt/connection.ts';
import { ioError } from '../protocol/io.ts';
import { readProfile } from '../protocol/profile.ts';
import { printRecords } from './formats/erlang-lines.ts';
import { explain } from './formats/explain.ts';
import type { Format } from './formats/format.ts';
import { readFormat } from './formats/read.ts';
import { answerLimits, contentTypes, writeFormat } from './formats/write.ts';

/** A payload that was read, for the worker and for the mirror. */
export interface ReadRequest {
  /** The format of the answer. */
  readonly format: Format;
  /** The request's kind, `invalid`, or `foreign` for ETF that belongs to another service. */
  readonly kind: string;
  /** The term in ETF; `undefined` if it is unreadable. */
  readonly message: Uint8Array | undefined;
  /** The payload for the worker: the message, or bytes that it answers with `invalid_data`. */
  readonly payload: Buffer;
  /** Why it is unreadable or no request. Only for text: answers to ETF stay as they are without QA. */
  readonly reason: string | undefined;
}

/** What may be read: the limits of a term, and the kinds of request that there are. */
export interface Reading {
  readonly limits: Limits;
  readonly kinds: readonly string[];
}

/** Read a payload in any format. Without `readsText`, every payload counts as ETF. */
export function readRequest(payload: Buffer, readsText: boolean, { limits, kinds }: Reading): ReadRequest {
  const reading = readsText
    ? readFormat(payload, limits, maxTextBytes)
    : ({ format: 'etf', message: payload } as const);
  const { message } = reading;
  const sent =
    message === undefined
      ? 'invalid_data'
      : readProfile(message, limits, new Map(kinds.map((kind) => [kind, kind])));
  const kind = typeof sent === 'object' ? sent.kind : sent === 'foreign' ? sent : 'invalid';
  if (reading.format === 'etf') return { format: 'etf', kind, message, payload, reason: undefined };
  if (message === undefined) {
    // The reason is a sentence, so hexadecimal and base64 get Erlang text.
    const form = reading.format === 'json' ? 'json' : 'erlang';
    return { format: form, kind, message, payload, reason: reading.reason };
  }
  const { format } = reading;
  const because = typeof sent === 'object' ? undefined : explain(message, limits, kinds);
  // The worker ignores such a term in ETF. As text it reaches the worker unread, which answers `invalid_data`.
  if (sent === 'foreign') return { format, kind: 'invalid', message, payload, reason: because };
  return { format, kind, message, payload: toBuffer(message), reason: because };
}

/** Reading text of this size blocks other requests for a few milliseconds. */
const maxTextBytes = 32_768;

/** The delivery with ETF as its payload and with another `reply`. @param onEnd - called when it is acknowledged. */
export function translated(
  delivery: Delivery,
  payload: Buffer,
  reply: Delivery['reply'],
  onEnd: () => void,
): Delivery {
  return {
    broker: delivery.broker,
    topic: delivery.topic,
    payload,
    packetId: delivery.packetId,
    redelivered: delivery.redelivered,
    charged: delivery.charged,
    retained: delivery.retained,
    receivedAt: delivery.receivedAt,
    arrivedAfter: delivery.arrivedAfter,
    correlationData: delivery.correlationData,
    responseTopic: delivery.responseTopic,
    userProperties: delivery.userProperties,
    isStillOwned: () => delivery.isStillOwned(),
    acknowledge: () => {
      onEnd();
      delivery.acknowledge();
    },
    reply,
  };
}

/** An answer in the format of its request; Erlang text has its records by name, for people to read. */
export function inFormat(publication: Publication, format: Format): Publication {
  if (format === 'etf') return publication;
  const { payload } = publication;
  return {
    ...publication,
    payload:
      format === 'erlang'
        ? Buffer.from(printRecords(decode(payload, answerLimits)))
        : writeFormat(payload, format),
    contentType: contentTypes[format],
  };
}

/** `{io,{error,invalid_data},<<Sentence>>}` in the place of `{io,{error,invalid_data},<<>>}`. */
export function withReason(
  publication: Publication,
  { format, message, reason }: ReadRequest,
  { limits, kinds }: Reading,
): Publication {
  if (format === 'etf' || !publication.payload.equals(ioError('invalid_data'))) return publication;
  const sentence =
    reason ?? (message && explain(message, limits, kinds)) ?? 'the merged settings are too large';
  const [io, error] = (decode(publication.payload) as Tuple).elements;
  return {
    ...publication,
    payload: encode(new Tuple([io ?? atom('io'), error ?? [], Buffer.from(sentence)])),
  };
}

/** The error for an answer above the broker's packet size: text has several times the bytes of ETF. */
export function tooLarge(publication: Publication): Publication {
  const { length } = publication.payload;
  const sentence = `the answer has ${length} bytes as text, which the broker does not accept; ask in ETF`;
  const payload = encode(tuple(atom('io'), tuple(atom('error'), atom('internal')), Buffer.from(sentence)));
  return { ...publication, payload };
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
