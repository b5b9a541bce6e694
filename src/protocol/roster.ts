import { encodeFragment, type Fragment, listElements, listOf } from '../etf/index.ts';
import { type Contact, contactPhoneId, isDeleted, isFriend, readContact } from './contact.ts';
import { canonical, isInteger, readInteger, readText, unset } from './fields.ts';
import { readList, writeList } from './list.ts';
import { recordFields, recordOf } from './record.ts';

/** `{'Roster',Id,…,UserList,…,Status}` (14), or an integer: a roster that is kept elsewhere and has no contacts here. */
export interface Roster {
  /** The id as text; `undefined` for an integer. */
  readonly id: string | undefined;
  /** In the order of the user list; of two with one `phone_id` the later. */
  readonly contacts: readonly Contact[];
  /** The record with its contacts, ready to be answered. */
  readonly fragment: Fragment;
  /** The record with the `phone_id`s in the place of the contacts, ready to be stored. */
  readonly skeleton: Fragment;
}

const fieldIndex = { id: 0, userlist: 5 } as const;

/** In bytes, encoded. Every contact's field in Redis begins with the id of its roster. */
const maxId = 255;

/** Read one roster; `undefined` for anything else. */
export function readRoster(fragment: Fragment): Roster | undefined {
  const fields = recordFields(fragment, 'Roster');
  if (fields === undefined) return readIntegerRoster(fragment);
  const id = readId(fields[fieldIndex.id]);
  const sent = readList(fields[fieldIndex.userlist] ?? unset, readContact);
  if (id === undefined || sent === undefined) return undefined;
  const contacts = [...new Map(sent.map((contact) => [contact.phoneId, contact])).values()];
  const withUsers = (users: Fragment): Fragment =>
    recordOf(
      'Roster',
      fields.map((field, index) => (index === fieldIndex.userlist ? users : canonical(field))),
    );
  return {
    id,
    contacts,
    fragment: withUsers(writeList(contacts)),
    skeleton: withUsers(writePhoneIds(contacts.map(({ phoneId }) => phoneId))),
  };
}

/** Read a list of rosters; `undefined` if it is no list, one of them is no roster, or two have one id. */
export function readRosters(fragment: Fragment): Roster[] | undefined {
  const rosters = readList(fragment, readRoster);
  const ids = rosters?.flatMap(({ id }) => id ?? []) ?? [];
  return new Set(ids).size === ids.length ? rosters : undefined;
}

/** One contact's place in stored rosters. */
export interface ContactEntry {
  readonly roster: string;
  readonly phoneId: string;
}

/** The places of all contacts in stored outlines, in their order. */
export function contactEntries(skeletons: Fragment): ContactEntry[] {
  return splitSkeletons(skeletons).flatMap(({ id, phoneIds }) =>
    phoneIds.map((phoneId) => ({ roster: id, phoneId })),
  );
}

/**
 * The places of those contacts in joined rosters that hear of the profile, in their order.
 * @param rosters - as they are answered: stored outlines with their contacts.
 */
export function friendPlaces(rosters: Fragment): ContactEntry[] {
  return placesWhere(rosters, isFriend);
}

/** The places of those contacts in joined rosters whose status is `deleted`. */
export function deletedPlaces(rosters: Fragment): ContactEntry[] {
  return placesWhere(rosters, isDeleted);
}

function placesWhere(rosters: Fragment, isMeant: (contact: Fragment) => boolean): ContactEntry[] {
  return (listElements(rosters) ?? []).flatMap((fragment) => {
    const fields = recordFields(fragment, 'Roster');
    const contacts = listElements(fields?.[fieldIndex.userlist] ?? unset) ?? [];
    const roster = readId(fields?.[fieldIndex.id]) ?? '';
    return contacts.filter(isMeant).map((contact) => ({ roster, phoneId: contactPhoneId(contact) }));
  });
}

/**
 * Put the contacts back into stored outlines.
 * @param contactAt - the stored contact at a place; one that is gone is left out.
 */
export function joinRosters(
  skeletons: Fragment,
  contactAt: (entry: ContactEntry) => Fragment | undefined,
): Fragment {
  const rosters = splitSkeletons(skeletons).map(({ id, phoneIds, fields, fragment }) => {
    if (fields === undefined) return fragment;
    const contacts = phoneIds.flatMap((phoneId) => contactAt({ roster: id, phoneId }) ?? []);
    return recordOf('Roster', fields.with(fieldIndex.userlist, listOf(contacts)));
  });
  return listOf(rosters);
}

/** Stored outlines with another `phone_id` at a place; one of that name that the roster has already gives way. */
export function renameContact(
  skeletons: Fragment,
  { roster, phoneId }: ContactEntry,
  newPhoneId: string,
): Fragment {
  const rosters = splitSkeletons(skeletons).map(({ id, phoneIds, fields, fragment }) => {
    if (fields === undefined || id !== roster) return fragment;
    const renamed = phoneIds
      .filter((each) => each !== newPhoneId)
      .map((each) => (each === phoneId ? newPhoneId : each));
    return recordOf('Roster', fields.with(fieldIndex.userlist, writePhoneIds(renamed)));
  });
  return listOf(rosters);
}

function writePhoneIds(phoneIds: readonly string[]): Fragment {
  return listOf(phoneIds.map((phoneId) => encodeFragment(Buffer.from(phoneId))));
}

function splitSkeletons(skeletons: Fragment) {
  return (listElements(skeletons) ?? []).map((fragment) => {
    const fields = recordFields(fragment, 'Roster');
    const users = fields?.[fieldIndex.userlist];
    return {
      id: readId(fields?.[fieldIndex.id]) ?? '',
      phoneIds: users === undefined ? [] : (readList(users, readText) ?? []),
      fields,
      fragment,
    };
  });
}

function readIntegerRoster(fragment: Fragment): Roster | undefined {
  return isInteger(fragment) ? { id: undefined, contacts: [], fragment, skeleton: fragment } : undefined;
}

/** A roster id is an integer or a text; `[]` is how JavaScript clients write 0. */
function readId(field: Fragment | undefined): string | undefined {
  if (field === undefined || field.length > maxId) return undefined;
  return String(readInteger(field) ?? readText(field) ?? '') || undefined;
}
