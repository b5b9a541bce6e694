import { signal } from '@preact/signals';
import { Atom, type Term } from '../../../src/etf/index.ts';
import { plainText, recordFields, timeOf } from '../term.ts';

/** Somebody in a roster. */
export interface ShownContact {
  readonly phoneId: string;
  readonly names: string;
  readonly update: Date | undefined;
  readonly presence: string;
  readonly status: string;
}

/** A profile as it was answered last. */
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

/** Remember a profile that was answered; any other term changes nothing. */
export function learn(term: Term | undefined, at: Date): void {
  const profile = readProfile(term, at);
  if (profile !== undefined) profiles.value = new Map(profiles.value).set(profile.phone, profile);
}

/** Read a `'Profile'` of 9 or 8 elements; `undefined` for anything else. */
export function readProfile(term: Term | undefined, at: Date): ShownProfile | undefined {
  const fields = recordFields(term, 'Profile');
  if (fields === undefined || fields.length < 7 || fields.length > 8) return undefined;
  const [phone, services, rosters, settings, update, balance, presence] = fields;
  const status = fields.at(-1);
  return {
    phone: plainText(phone),
    status: status instanceof Atom ? status.name : '',
    at,
    presence: fields.length === 8 ? plainText(presence) : '',
    update: timeOf(update),
    balance: plainText(balance),
    settings: list(settings, 'Feature').map(([, key, value]) => ({
      key: plainText(key),
      value: plainText(value),
    })),
    services: list(services, 'Service').map(([id, type, , , , , state]) => ({
      id: plainText(id),
      type: plainText(type),
      status: plainText(state),
    })),
    rosters: list(rosters, 'Roster').map(([id, names, , , , userlist]) => ({
      id: plainText(id),
      names: plainText(names),
      contacts: list(userlist, 'Contact').map(readContact),
    })),
  };
}

function readContact(fields: readonly Term[]): ShownContact {
  const [phoneId, , names] = fields;
  return {
    phoneId: plainText(phoneId),
    names: plainText(names),
    update: timeOf(fields[10]),
    presence: plainText(fields[12]),
    status: plainText(fields[13]),
  };
}

/** The fields of each record of that name in a list. */
function list(term: Term | undefined, name: string): (readonly Term[])[] {
  return Array.isArray(term)
    ? term.flatMap((element) => [recordFields(element, name) ?? []]).filter(isFull)
    : [];
}

function isFull(fields: readonly Term[]): boolean {
  return fields.length > 0;
}
