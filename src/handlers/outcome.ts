import { ioError, ioOk, type Refusal, type Success } from '../protocol/io.ts';
import { type ProfileFields, type SentProfile, writeProfile } from '../protocol/profile.ts';
import type { RequestRef } from '../store/idempotency-records.ts';
import type { StoredProfile } from '../store/profiles.ts';

/** Where a client wants its answers. */
export interface ReplyAddress {
  readonly client: string;
  /** The address of the broker that the client asked at; absent where that is not known, and then every broker is tried. */
  readonly broker?: string;
  /** MQTT 5 Response Topic, if it is the client's own. */
  readonly responseTopic?: string;
  /** MQTT 5 Correlation Data, given back with the answer. */
  readonly correlationData?: Buffer;
}

/** A payload for the asking client, or for another one if it is named. */
export interface Answer {
  readonly to?: ReplyAddress;
  readonly payload: Buffer;
  /**
   * The phone whose sessions alone may hear it. The recipient's session is looked at again just before it is published;
   * who has none of this phone any more hears `not_authorized`. It is never kept for a broker that is away.
   */
  readonly onlyFor?: string;
  /** The broker forgets it when it has waited so many seconds for its reader; default as long as any answer. */
  readonly expirySeconds?: number;
}

/** A payload for all devices of a counterparty, on `ses/<phone>`. */
export interface Notice {
  readonly phone: string;
  readonly payload: Buffer;
}

/** What is to be said. Handlers return it; only `src/pipeline/worker.ts` publishes. */
export interface Outcome {
  /** What the metrics call it: a profile is `ok`, the rest are the atoms of the answer; `unanswered` has none. */
  readonly result: 'ok' | Success | Refusal | 'unanswered';
  readonly answers: readonly Answer[];
  /**
   * The phone whose sessions have ended or moved away: where the broker keeps a list of who may log in, it is to follow
   * them, before the notices.
   */
  readonly sessionsEnded?: string;
  /** More to be said, when it is known. */
  readonly deferred?: Promise<Outcome>;
  /** How many calls to STS or a mail server it took; default 0. The client is charged for them. */
  readonly outsideCalls?: number;
  /** To be done when the broker has accepted all of the above. */
  readonly onSent?: () => Promise<void>;
  /** The phone whose contacts are to hear what the stores have noted for them; after `onSent`, in the background. */
  readonly fanOut?: string;
  /** How many counterparties that will look at, unless they were charged before (`tells` of the request's row). */
  readonly contacts?: number;
}

/** One request of a client that is authorized. */
export interface Request {
  readonly replyTo: ReplyAddress;
  readonly sent: SentProfile;
  /** The phone that the request names, in digits. */
  readonly phone: string;
  /** That phone's profile, as it was read with the request. */
  readonly stored: StoredProfile | undefined;
  /**
   * The phone of the client's session; `undefined` where a request is resumed and the session has ended; `SERVICE` for a
   * trusted service, which has no phone.
   */
  readonly sessionPhone: string | undefined;
}

/** A request whose effect happens once. */
export interface RecordedRequest extends Request {
  /** For the stores: they write the request's record together with its effect. */
  readonly ref: RequestRef;
  readonly delivery: DeliveryState;
  /**
   * Charge stored bytes that the request has written again without sending them, before they are written.
   * @returns false if the client is in debt by other requests.
   */
  readonly admitToRewrite: (bytes: number) => boolean;
}

/** What the broker says of a delivery. */
export interface DeliveryState {
  /** Whether the broker has delivered it before; a client can't set this. */
  readonly redelivered: boolean;
  /** Whether the broker has given it to nobody else since it came; takes a round trip to the broker. */
  isStillOwned(): Promise<boolean>;
}

/** Runs slow work, so much at a time, and so much waiting for that. */
export interface Limiter {
  /** @param key - whose work it is, if one task of theirs at a time may run or wait. */
  run<T>(work: () => Promise<T>, key?: string): Promise<T> | 'queue_full';
}

/** `{io,{error,Refusal},<<>>}` to the asking client. */
export function refuse(refusal: Refusal): Outcome {
  return { result: refusal, answers: [{ payload: ioError(refusal) }] };
}

/** Nothing to anybody. */
export const unanswered: Outcome = { result: 'unanswered', answers: [] };

/** Another worker has decided the request meanwhile. The pipeline reads what it decided, and replays that. */
export const decidedByOther: Outcome = { result: 'unanswered', answers: [] };

/** What follows when a store has not written: `'done'` is how it says that another worker has decided the request. */
export function refuseOrReplay(answer: Refusal | 'done'): Outcome {
  return answer === 'done' ? decidedByOther : refuse(answer);
}

/** `{io,{ok,Success},<<>>}` to the asking client. */
export function succeed(success: Success): Outcome {
  return { result: success, answers: [{ payload: ioOk(success) }] };
}

/** The profile to the asking client, with the status and as many elements as it sent. */
export function answerProfile({ phone, kind, size }: SentProfile, fields: ProfileFields): Outcome {
  return { result: 'ok', answers: [{ payload: writeProfile(phone, fields, kind, size) }] };
}

/** The profile as it was read with the request; `not_found` if there is none. */
export function answerStored({ sent, stored }: Request): Outcome {
  return stored === undefined ? refuse('not_found') : answerProfile(sent, stored);
}
