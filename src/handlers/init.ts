import type { ReadHandler } from './handler.ts';
import { answerStored } from './outcome.ts';

/**
 * `init`: what `get` answers, for a client that waits for it after its login; the broker's plugin asks for it.
 *
 * Answers `{'Profile',…,init}`.
 * Refuses `not_found`.
 * @see docs/protocol.md, "init"
 */
export const init: ReadHandler = { handle: answerStored };
