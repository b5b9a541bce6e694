import { type Fragment, tupleElements } from '../../etf/index.ts';
import { isUnset, readAtom, readInteger, readText, unset } from '../../protocol/fields.ts';
import { readPhone } from '../../protocol/phone.ts';
import { recordFields } from '../../protocol/record.ts';
import type { ProfileParts } from '../profile-change.ts';

/** A record of the old store, or why it can't be imported: a sentence without its values. */
export interface Refused {
  readonly reason: string;
  readonly phone?: string | undefined;
}

export interface StoredProfileRecord extends ProfileParts {
  readonly phone: string;
}

/** With these the old store kept, for a while, profiles that were removed. */
const removedStatuses: ReadonlySet<string> = new Set(['remove', 'delete', 'deleted']);

/**
 * `{'Profile',Phone,Services,Rosters,Settings,Update,Balance,Presence,Status}` as it was stored, or without `Presence`. The status is that of
 * the last change, and says nothing unless the profile was removed.
 */
export function readStoredProfile(fragment: Fragment): StoredProfileRecord | Refused {
  const fields = tupleElements(fragment, 1) ?? [];
  if (fields.length !== 7 && fields.length !== 8)
    return { reason: `a 'Profile' has 9 elements, or 8 without presence; this has ${fields.length + 1}` };
  const [number, services, rosters, settings, update, balance] = fields as Fragment[] & SevenFragments;
  const phone = readPhone(number);
  if (phone === undefined) return { reason: badPhone };
  if (removedStatuses.has(readAtom(fields.at(-1) ?? unset) ?? ''))
    return { phone, reason: 'the old store had removed it' };
  const presence = fields.length === 8 ? (fields[6] ?? unset) : unset;
  return { phone, services, rosters, settings, update, balance, presence };
}

type SevenFragments = [Fragment, Fragment, Fragment, Fragment, Fragment, Fragment, Fragment];

const badPhone = 'the phone is not 5 to 15 digits';

/** How a roster is named: by its own record, and in the list of a profile. `undefined` for what names none. */
export function rosterKey(id: Fragment): string | undefined {
  return isUnset(id) ? undefined : String(readInteger(id) ?? readText(id) ?? '') || undefined;
}

export function rosterId(roster: Fragment): string | undefined {
  return rosterKey(recordFields(roster, 'Roster')?.[0] ?? unset);
}

/** Where the client id and the token stand; the phone is the fourth element in both. */
export type AuthLayout = 'header' | 'document';

export interface StoredAuth {
  readonly client: string;
  readonly phone: string;
  readonly token: string;
}

/** The types of an `'Auth'` that has logged in. Of the others some wait for a code, some are over. */
const signedIn: ReadonlySet<string> = new Set(['verified', 'verify', 'login']);

/** Client ids of the old servers. */
const clientPrefix = /^(emqttd|sys)_/;

/**
 * `{'Auth',ClientId,DevKey,UserId,Phone,Token,Type,…}` as in the header file of deployed servers, or
 * `{'Auth',Token,DevKey,UserId,Phone,ClientId,Type,…}` as in the documents.
 * @param layout - default: the one in which the client id, and it alone, begins like one.
 */
export function readStoredAuth(fragment: Fragment, layout: AuthLayout | undefined): StoredAuth | Refused {
  const fields = tupleElements(fragment, 1) ?? [];
  if (fields.length < 9 || fields.length > 14)
    return { reason: `an 'Auth' has 10 to 15 elements; this has ${fields.length + 1}` };
  const [first, , , number, fifth, kind] = fields as Fragment[] & SevenFragments;
  const phone = readPhone(number);
  if (phone === undefined) return { reason: badPhone };
  const type = readAtom(kind);
  if (!signedIn.has(type ?? ''))
    return { phone, reason: `it is not signed in: its type is ${typeName(kind)}` };
  const texts = [readText(first) || undefined, readText(fifth) || undefined] as const;
  const known = layout ?? layoutOf(texts);
  if (known === undefined)
    return { phone, reason: 'which is the client id, and which the token? Say --auth-layout' };
  const [client, token] = known === 'header' ? texts : texts.toReversed();
  if (client === undefined || token === undefined)
    return { phone, reason: 'it has no client id, or no token' };
  return { client, phone, token };
}

function layoutOf([first = '', fifth = '']: readonly [string?, string?]): AuthLayout | undefined {
  const [isFirst, isFifth] = [clientPrefix.test(first), clientPrefix.test(fifth)];
  if (isFirst === isFifth) return undefined;
  return isFirst ? 'header' : 'document';
}

/** The types are a closed list of words; anything else may be a value. */
function typeName(kind: Fragment): string {
  if (isUnset(kind)) return '[]';
  const name = readAtom(kind);
  return name !== undefined && /^[a-z_]{1,20}$/.test(name) ? name : 'no known word';
}
