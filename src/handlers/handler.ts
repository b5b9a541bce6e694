import type { Mail } from '../services/mail/mailer.ts';
import type { Sts } from '../services/sts/client.ts';
import type { Stores } from '../store/index.ts';
import type { Limiter, Outcome, Request } from './outcome.ts';

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
}

/**
 * Handles one kind of request: the effect happens in the stores, what is to be said is returned.
 * @throws Fault when Redis fails under it; a client's mistake is a refusal, never thrown.
 */
export type Handler = (request: Request, context: Context) => Outcome | Promise<Outcome>;
