import { signal } from '@preact/signals';
import type { Term } from '../../../src/etf/index.ts';
import type { RecordName } from '../../../src/qa/formats/record-fields.ts';
import { type Fields, fieldsOf, plainText, refusalOf, timeOf } from '../term.ts';

/** A contact of a roster. */
export interface ShownContact {
  readonly phoneId: string;
  readonly names: string;
  readonly update: Date | undefined;
  readonly presence: string;
  readonly status: string;
}

/** A profile as it was last answered. */
export interface ShownProfile {
  readonly phone: string;
  /** The request that it answered. */
  readonly status: string;
  readonly at: Date;
  readonly presence: string;
  readonly update: Date | undefined;
  readonly balance: string;
  readonly settings: readonly { readonly key: string; readonly value: string }[];
  readonly services: readonly { readonly id: string; readonly type: string; readonly status: string }[];
  readonly rosters: readonly {
    readonly id: string;
    readonly names: string;
    readonly contacts: readonly ShownContact[];
  }[];
}

/** What is known of a phone's profile. */
export type Known =
  | { readonly is: 'there'; readonly profile: ShownProfile }
  /** `signed-out`: the session does not reach the profile, if there is one. */
  | { readonly is: 'none' | 'removed' | 'signed-out'; readonly at: Date }
  | { readonly is: 'moved'; readonly to: string; readonly at: Date };

/** By phone. */
export const profiles = signal<ReadonlyMap<string, Known>>(new Map());

/** A message that a phone's client has received. */
export interface Heard {
  /** The phone of the client. */
  readonly phone: string;
  readonly term: Term | undefined;
  readonly at: Date;
  /** Whether it answers a `get` of this very phone. */
  readonly answersGet: boolean;
}

/** Keeps what a message says of a profile; most messages say nothing. */
export function learn(heard: Heard): void {
  const learnt = whatIsSaid(heard, profiles.value.get(heard.phone));
  if (learnt !== undefined) profiles.value = new Map([...profiles.value, ...learnt]);
}

/**
 * @param before - what was known of the client's phone.
 * @returns what is known by this message, by phone.
 */
export function whatIsSaid(
  { phone, term, at, answersGet }: Heard,
  before: Known | undefined,
): ReadonlyMap<string, Known> | undefined {
  const profile = readProfile(term, at);
  if (profile !== undefined) {
    const said = new Map<string, Known>();
    // The sessions of the old phone hear of the move too.
    if (profile.status === 'phone' && profile.phone !== phone)
      said.set(phone, { is: 'moved', to: profile.phone, at });
    return said.set(
      profile.phone,
      profile.status === 'remove' ? { is: 'removed', at } : { is: 'there', profile },
    );
  }
  if (!answersGet) return undefined;
  const refusal = refusalOf(term);
  if (refusal === 'not_found') return new Map([[phone, { is: 'none', at }]]);
  // After a removal or a move the session is gone too, but why it is gone says more.
  const isExplained = before?.is === 'removed' || before?.is === 'moved';
  return refusal === 'not_authorized' && !isExplained
    ? new Map([[phone, { is: 'signed-out', at }]])
    : undefined;
}

/** Reads a `'Profile'` of 9 or 8 elements; `undefined` for anything else. */
export function readProfile(term: Term | undefined, at: Date): ShownProfile | undefined {
  const profile = fieldsOf(term, 'Profile');
  if (profile === undefined) return undefined;
  return {
    phone: plainText(profile.phone),
    status: plainText(profile.status),
    at,
    presence: plainText(profile.presence),
    update: timeOf(profile.update),
    balance: plainText(profile.balance),
    settings: list(profile.settings, 'Feature').map(({ key, value }) => ({
      key: plainText(key),
      value: plainText(value),
    })),
    services: list(profile.services, 'Service').map(({ id, type, status }) => ({
      id: plainText(id),
      type: plainText(type),
      status: plainText(status),
    })),
    rosters: list(profile.rosters, 'Roster').map(({ id, names, userlist }) => ({
      id: plainText(id),
      names: plainText(names),
      contacts: list(userlist, 'Contact').map(readContact),
    })),
  };
}

function readContact({ phone_id, names, update, presence, status }: Fields): ShownContact {
  return {
    phoneId: plainText(phone_id),
    names: plainText(names),
    update: timeOf(update),
    presence: plainText(presence),
    status: plainText(status),
  };
}

/** The fields of each record of that name in a list. */
function list(term: Term | undefined, name: RecordName): Fields[] {
  const records = Array.isArray(term) ? term.map((element) => fieldsOf(element, name)) : [];
  return records.filter((fields) => fields !== undefined);
}
