import { z } from 'zod';
import { kinds } from '../crowd/mix.ts';

const number = z.number().nonnegative();

/** What one request takes. Microseconds are of processor time, on the machine that it was measured on. */
const requestCosts = z.strictObject({
  workerMicros: number,
  brokerMicros: number,
  redisMicros: number,
  /** Those inside scripts included. */
  redisCommands: number,
});

const schema = z.strictObject({
  /** How it was measured. */
  command: z.string(),
  machine: z.string(),
  /** Of phones without contacts. */
  requests: z.strictObject(
    Object.fromEntries(kinds.map((kind) => [kind, requestCosts])) as Record<
      (typeof kinds)[number],
      typeof requestCosts
    >,
  ),
  /** What each mutual contact adds to an `update`: its entry is changed, and it is told. */
  updateForContact: requestCosts,
  /** In Redis: a profile without contacts with its two session keys, and what each contact adds. */
  profileBytes: number,
  contactBytes: number,
  /** In Redis: the record that a request is done, kept for its redelivery. */
  doneBytes: number,
  /** The payload of an answer to `get` without contacts, and what each contact adds. */
  answerBytes: number,
  answerBytesForContact: number,
  broker: z.strictObject({
    /** Resident memory of a connected phone without TLS, with its subscriptions. */
    connectionBytes: number,
    /** Of a connection that comes in and subscribes. */
    connectMicros: number,
    /** Of a keepalive ping. */
    pingMicros: number,
    /** Of a notice that a phone gets, and of one that nobody on this broker has subscribed to. */
    noticeMicros: number,
    strayNoticeMicros: number,
  }),
});

/** What was measured, by `npm run simulate -- --measure`. */
export type Costs = z.output<typeof schema>;

export type RequestCosts = z.output<typeof requestCosts>;

/** @throws ZodError that names what is wrong. */
export function readCosts(json: string): Costs {
  return schema.parse(JSON.parse(json));
}
