import type { Fragment } from '../etf/index.ts';
import { canonical, isUnset, readAtom } from './fields.ts';

/**
 * Longest presence, in bytes. Each `update` writes it into the rosters of all friends, where it counts in no quota: so many
 * bytes for each contact bound what friends can add to somebody's profile.
 */
const maxPresence = 64;

/**
 * Reads the presence that a client sends, an atom.
 * @returns the fragment to store; `undefined` where it is not set.
 */
export function readPresence(fragment: Fragment): Fragment | 'invalid_data' | undefined {
  if (isUnset(fragment)) return undefined;
  const presence = canonical(fragment);
  return readAtom(presence) === undefined || presence.length > maxPresence ? 'invalid_data' : presence;
}
