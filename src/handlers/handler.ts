import type { ContactLayout } from '../protocol/contact.ts';
import type { Mail } from '../services/mail/mailer.ts';
import type { Sts } from '../services/sts/client.ts';
import type { Stores } from '../store/index.ts';
import type { Limiter, Outcome, RecordedRequest, Request } from './outcome.ts';

/** What handlers may use. */
export interface Context extends Stores {
  /** Absent when no mail server is set. */
  readonly mail: Mail | undefined;
  readonly mailLimiter: Limiter;
  /** Absent when no role is set. */
  readonly sts: Sts | undefined;
  readonly stsLimiter: Limiter;
  /** After so long a client that asks for credentials hears that they come later. */
  readonly awsFastReplyMs: number;
  /** In which layout the contacts are stored. */
  readonly contactLayout: ContactLayout;
}

/**
 * Handles a kind of request that changes nothing under a record: it is handled as often as it is delivered.
 * @throws Fault when Redis fails under it; a client's mistake is a refusal, never thrown.
 */
export interface ReadHandler {
  handle(request: Request, context: Context): Outcome | Promise<Outcome>;
  readonly replay?: undefined;
}

/**
 * Handles a kind of request that happens once: a store writes a record with the effect, under `request.ref`.
 * The pipeline decides which of the two is called: see src/pipeline/idempotency.ts.
 * @throws Fault as {@link ReadHandler}.
 */
export interface RecordedHandler {
  /** The first time. */
  handle(request: RecordedRequest, context: Context): Outcome | Promise<Outcome>;
  /**
   * Every later time: answer again, and resume what a crash may have cut off.
   * @param word - what the record says of the first time.
   */
  replay(request: RecordedRequest, word: string, context: Context): Outcome | Promise<Outcome>;
}

export type Handler = ReadHandler | RecordedHandler;
