import type { Fragment } from '../etf/index.ts';
import { canonical, isUnset, readAtom } from './fields.ts';

/**
 * Longest presence, in bytes. Each `update` writes it into the rosters of all friends, where it counts in no quota: so many
 * bytes for each contact bound what friends can add to somebody's profile.
 */
const maxPresence = 64;

const BINARY_EXT = 109;

/**
 * Reads the presence that a client sends: an atom, or a binary, which the header file of deployed servers has too.
 * @returns the fragment to store, a binary as it is; `undefined` where it is not set.
 * @see docs/protocol.md, "Records"
 */
export function readPresence(fragment: Fragment): Fragment | 'invalid_data' | undefined {
  if (isUnset(fragment)) return undefined;
  const isPresence = fragment[0] === BINARY_EXT || readAtom(fragment) !== undefined;
  const presence = isPresence ? canonical(fragment) : undefined;
  return presence === undefined || presence.length > maxPresence ? 'invalid_data' : presence;
}
