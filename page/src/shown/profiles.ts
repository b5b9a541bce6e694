import { signal } from '@preact/signals';
import type { Term } from '../../../src/etf/index.ts';
import type { RecordName } from '../../../src/qa/formats/record-fields.ts';
import { type Fields, fieldsOf, plainText, timeOf } from '../term.ts';

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

/** By phone. */
export const profiles = signal<ReadonlyMap<string, ShownProfile>>(new Map());

/** Stores a profile from an answer; any other term changes nothing. */
export function learn(term: Term | undefined, at: Date): void {
  const profile = readProfile(term, at);
  if (profile !== undefined) profiles.value = new Map(profiles.value).set(profile.phone, profile);
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
