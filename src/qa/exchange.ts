import { atom, decode, encode, type Limits, Tuple, tuple } from '../etf/index.ts';
import type { Delivery, Publication } from '../mqtt/connection.ts';
import { ioError } from '../protocol/io.ts';
import { readProfile } from '../protocol/profile.ts';
import { explain } from './formats/explain.ts';
import type { Format } from './formats/format.ts';
import { readFormat } from './formats/read.ts';
import { contentTypes, writeFormat } from './formats/write.ts';

/** What a payload is, to be worked on and to be shown. */
export interface ReadRequest {
  /** What it is answered in. */
  readonly format: Format;
  /** The request's kind, `invalid`, or `services` for ETF that belongs to another service. */
  readonly kind: string;
  /** The term in ETF; `undefined` where it could not be read. */
  readonly message: Uint8Array | undefined;
  /** What the worker is handed: the message, or what it answers with `invalid_data`. */
  readonly payload: Buffer;
  /** Why it could not be read, or is no request. Only for text: who sends ETF is answered as ever. */
  readonly reason: string | undefined;
}

/** What may be read: the limits of a term, and the kinds of request that there are. */
export interface Reading {
  readonly limits: Limits;
  readonly kinds: readonly string[];
}

/** Read a payload by its form. With `readsText` off everything is ETF. */
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
    // What is wrong with digits is better said in words.
    const form = reading.format === 'json' ? 'json' : 'erlang';
    return { format: form, kind, message, payload, reason: reading.reason };
  }
  const { format } = reading;
  const because = typeof sent === 'object' ? undefined : explain(message, limits, kinds);
  // Text is no term to the worker, so it answers `invalid_data` to what it would pass over in silence as ETF.
  if (sent === 'foreign') return { format, kind: 'invalid', message, payload, reason: because };
  return { format, kind, message, payload: toBuffer(message), reason: because };
}

/** Text takes longer to read than ETF: so much of it holds up other requests for a few milliseconds only. */
const maxTextBytes = 32_768;

/** The delivery with ETF as its payload and with another `reply`. */
export function translated(delivery: Delivery, payload: Buffer, reply: Delivery['reply']): Delivery {
  return {
    broker: delivery.broker,
    topic: delivery.topic,
    payload,
    packetId: delivery.packetId,
    redelivered: delivery.redelivered,
    retained: delivery.retained,
    receivedAt: delivery.receivedAt,
    correlationData: delivery.correlationData,
    responseTopic: delivery.responseTopic,
    userProperties: delivery.userProperties,
    isStillOwned: () => delivery.isStillOwned(),
    acknowledge: () => delivery.acknowledge(),
    reply,
  };
}

/** An answer in the form that its request had. Refused as `invalid_data`, it says why. */
export function inFormat(publication: Publication, format: Format): Publication {
  if (format === 'etf') return publication;
  return {
    ...publication,
    payload: writeFormat(publication.payload, format),
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

/** What a client hears whose answer is more than the broker takes: as text it has several times the bytes of ETF. */
export function tooLarge(publication: Publication): Publication {
  const { length } = publication.payload;
  const sentence = `the answer has ${length} bytes as text, which the broker does not take; ask in ETF`;
  const payload = encode(tuple(atom('io'), tuple(atom('error'), atom('internal')), Buffer.from(sentence)));
  return { ...publication, payload };
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
