import type { ReadHandler } from './handler.ts';
import { answerStored } from './outcome.ts';

/**
 * `get`: the stored profile, its rosters with their contacts.
 *
 * Answers `{'Profile',…,get}`.
 * Refuses `not_found`.
 * @see docs/protocol.md, "get"
 */
export const get: ReadHandler = { handle: answerStored };
