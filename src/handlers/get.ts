import type { ReadHandler } from './handler.ts';
import { answerProfile, refuse } from './outcome.ts';

/**
 * `get`: the stored profile, its rosters with their contacts.
 *
 * Answers `{'Profile',…,get}`.
 * Refuses `not_found`.
 * @see docs/protocol.md, "get"
 */
export const get: ReadHandler = {
  handle: ({ sent, stored }) =>
    stored === undefined ? refuse('not_found') : answerProfile(sent, stored, 'get'),
};
