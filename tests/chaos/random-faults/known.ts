/** The stored data of a phone, as derived from the answers that it received. */
import { atom, decode, type Term, type Tuple } from '../../../src/etf/index.ts';
import type { RequestKind } from '../../../src/handlers/index.ts';
import { writeProfile } from '../../../src/protocol/profile.ts';
import type { StoredProfile } from '../../../src/store/profiles.ts';
import { contact, feature, profile, roster, service } from '../../harness/terms.ts';

export interface Known {
  /** Unix milliseconds. */
  readonly update: number;
  /** An atom that no other request has, or unset: the return of an older value is detected. */
  readonly presence: Term;
  /** Increases with each `set`, and is part of a setting: the return of an older value is detected. */
  readonly count: number;
  readonly hasRoster: boolean;
  readonly services: readonly { readonly address: string; readonly status: 'added' | 'verified' }[];
}

export const nothingKnown: Known = { update: 0, presence: [], count: 0, hasRoster: false, services: [] };

export const countSetting = (count: number): Tuple => feature('COUNT', `${count}`);

/** The one roster of a phone: its shared contact, and a stranger who does not have it. */
export function ownRoster(contactPhone: string): Tuple {
  return roster({
    id: 1,
    names: 'friends',
    userlist: [
      contact({ phoneId: `${contactPhone}_1`, names: 'contact' }),
      contact({ phoneId: '380631234567_1' }),
    ],
  });
}

/** The `'Profile'` in its answers. */
export function profileOf(number: string, contactPhone: string, known: Known, status: RequestKind): Tuple {
  return profile({
    phone: number,
    services: known.services.map(({ address, status: state }) =>
      service({ id: address, type: atom('email'), status: atom(state) }),
    ),
    rosters: known.hasRoster ? [ownRoster(contactPhone)] : [],
    settings: known.count === 0 ? [] : [countSetting(known.count)],
    update: known.update,
    presence: known.presence,
    status,
  });
}

/** The `'Profile'` that a `get` would answer from the stored data. */
export function storedTerm(number: string, stored: StoredProfile | undefined): Term | undefined {
  return stored && decode(writeProfile(number, stored, 'get', 8));
}
