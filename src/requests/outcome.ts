import { ioError, ioOk, type Refusal, type Success } from '../records/io.ts';
import type { RequestKind, SentProfile } from '../records/profile.ts';
import { type ProfileFields, writeProfile } from '../records/profile.ts';
import type { Stores } from '../store/index.ts';
import type { StoredProfile } from '../store/profiles.ts';

/** A payload for the asking client, or for another client if it is named. */
export interface Answer {
  readonly client?: string;
  readonly payload: Buffer;
}

/** A payload for all devices of a counterparty, on `ses/<phone>`. */
export interface Notice {
  readonly phone: string;
  readonly payload: Buffer;
}

/** What is to be said. Handlers return it; only `src/worker.ts` publishes. */
export interface Outcome {
  /** What the metrics call it: a profile is `ok`, the rest are the atoms of the answer. */
  readonly result: 'ok' | Success | Refusal;
  readonly answers: readonly Answer[];
  /**
   * In batches, each made when the one before it was accepted by the broker, so that ten thousand counterparties need
   * no more memory than one batch.
   */
  readonly notices?: AsyncIterable<readonly Notice[]>;
}

/** One request of a client that is authorized. */
export interface Request {
  readonly client: string;
  readonly sent: SentProfile;
  /** The profile of the request's phone, read together with the client's session. */
  readonly stored: StoredProfile | undefined;
}

/**
 * Handles one kind of request: the effect happens in the stores, what is to be said is returned.
 * @throws Fault when Redis fails under it; a client's mistake is a refusal, never thrown.
 */
export type Handler = (request: Request, stores: Stores) => Outcome | Promise<Outcome>;

/** `{io,{error,Refusal},<<>>}` to the asking client. */
export function refuse(refusal: Refusal): Outcome {
  return { result: refusal, answers: [{ payload: ioError(refusal) }] };
}

/** `{io,{ok,Success},<<>>}` to the asking client. */
export function succeed(success: Success): Outcome {
  return { result: success, answers: [{ payload: ioOk(success) }] };
}

/** The profile to the asking client, with as many elements as it sent. */
export function answerProfile(
  { phone, size }: SentProfile,
  fields: ProfileFields,
  kind: RequestKind,
): Outcome {
  return { result: 'ok', answers: [{ payload: writeProfile(phone, fields, kind, size) }] };
}
