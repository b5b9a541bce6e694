import type { Mail } from '../services/mail/mailer.ts';
import type { Sts } from '../services/sts/client.ts';
import type { Stores } from '../store/index.ts';
import type { Lane, Outcome, Request } from './outcome.ts';

/** What handlers may use. */
export interface Means extends Stores {
  /** Absent when no mail server is set. */
  readonly mail: Mail | undefined;
  readonly mailLane: Lane;
  /** Absent when no role is set. */
  readonly sts: Sts | undefined;
  readonly stsLane: Lane;
  /** After so long a client that asks for credentials hears that they come later. */
  readonly awsFastReplyMs: number;
}

/**
 * Handles one kind of request: the effect happens in the stores, what is to be said is returned.
 * @throws Fault when Redis fails under it; a client's mistake is a refusal, never thrown.
 */
export type Handler = (request: Request, means: Means) => Outcome | Promise<Outcome>;
