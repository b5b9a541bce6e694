import {
  elementOffsets,
  encodeFragment,
  type Fragment,
  listElements,
  listOf,
  skipTerm,
} from '../etf/index.ts';
import { atOnce, type Steps } from '../lib/slices.ts';
import {
  type Contact,
  type ContactLayout,
  contactPhoneId,
  isFriend,
  outlivesRemoval,
  readContact,
} from './contact.ts';
import { canonical, isInteger, isUnset, readInteger, readText, unset } from './fields.ts';
import { isLong, readListInSteps, recordsInStep, writeList } from './list.ts';
import { isRecord, recordFields, recordOf } from './record.ts';

/** `{'Roster',Id,…,UserList,…,Status}` (14), or an integer: a reference to the roster with that id. */
export interface Roster {
  /** The id as text; `undefined` for an integer. */
  readonly id: string | undefined;
  /** The id that an integer refers to. */
  readonly reference?: string | undefined;
  /** In the order of the user list; of two contacts with one `phone_id`, the later one. */
  readonly contacts: readonly Contact[];
  /** The record with its contacts, as it is sent in an answer. */
  readonly fragment: Fragment;
  /** The record with the `phone_id`s instead of the contacts, as it is stored. */
  readonly skeleton: Fragment;
}

const fieldIndex = { id: 0, userlist: 5 } as const;

/** Longest roster id, encoded, in bytes. The Redis field of every contact begins with the id of its roster. */
const maxId = 255;

/** Reads one roster; `undefined` for anything else. */
export function readRoster(fragment: Fragment): Roster | undefined {
  return atOnce(readRosterInSteps(fragment));
}

function* readRosterInSteps(fragment: Fragment, layout: ContactLayout = 'auto'): Steps<Roster | undefined> {
  const fields = recordFields(fragment, 'Roster');
  if (fields === undefined) return readIntegerRoster(fragment);
  const id = readId(fields[fieldIndex.id]);
  const readOne = (contact: Fragment) => readContact(contact, layout);
  const sent = yield* readListInSteps(fields[fieldIndex.userlist] ?? unset, readOne);
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

/** Reads a list of rosters; `undefined` if it is not a list, an element is not a roster, or two have one id, integers too. */
export function readRosters(fragment: Fragment): Roster[] | undefined {
  return atOnce(readRostersInSteps(fragment));
}

/** Reads a list of rosters as `readRosters` does, in steps. */
export function* readRostersInSteps(
  fragment: Fragment,
  layout: ContactLayout = 'auto',
): Steps<Roster[] | undefined> {
  if (isLong(fragment)) yield;
  const elements = isUnset(fragment) ? [] : listElements(fragment);
  if (elements === undefined) return undefined;
  const rosters: Roster[] = [];
  const ids = new Set<string>();
  for (const element of elements) {
    const roster = yield* readRosterInSteps(element, layout);
    const id = roster?.id ?? roster?.reference;
    if (roster === undefined || (id !== undefined && ids.has(id))) return undefined;
    if (id !== undefined) ids.add(id);
    if (rosters.push(roster) % rostersInStep === 0) yield;
  }
  return rosters;
}

/** Each may have nearly a step's contacts. */
const rostersInStep = 4;

/**
 * The rosters with the stored one in the place of each integer that names it, in steps. An integer that names none stays.
 * @param stored - joined rosters, as they are answered.
 * @returns `undefined` where all stored rosters stay as they are, in their order.
 */
export function* resolveReferences(
  rosters: readonly Roster[],
  stored: Fragment,
): Steps<readonly Roster[] | undefined> {
  if (rosters.every(({ reference }) => reference === undefined)) return rosters;
  if (isLong(stored)) yield;
  const known = new Map<string, readonly Fragment[] | undefined>();
  for (const fragment of listElements(stored) ?? []) {
    const fields = recordFields(fragment, 'Roster');
    const id = readId(fields === undefined ? fragment : fields[fieldIndex.id]) ?? '';
    if (fields !== undefined || !known.has(id)) known.set(id, fields);
    if (known.size % recordsInStep === 0) yield;
  }
  const ids = [...known.keys()];
  const isSame = rosters.every(({ reference }, index) => reference !== undefined && reference === ids[index]);
  if (isSame && rosters.length === ids.length) return undefined;
  const resolved: Roster[] = [];
  for (const roster of rosters) {
    const fields = known.get(roster.reference ?? '');
    resolved.push(fields === undefined ? roster : yield* storedRoster(fields));
    if (resolved.length % recordsInStep === 0) yield;
  }
  return resolved;
}

/** A roster that was read before: its contacts stay as they are. */
function* storedRoster(fields: readonly Fragment[]): Steps<Roster> {
  const asStored = (fragment: Fragment): Contact => ({ phoneId: contactPhoneId(fragment), fragment });
  const contacts = (yield* readListInSteps(fields[fieldIndex.userlist] ?? unset, asStored)) ?? [];
  const phoneIds = writePhoneIds(contacts.map(({ phoneId }) => phoneId));
  return {
    id: readId(fields[fieldIndex.id]),
    contacts,
    fragment: recordOf('Roster', fields),
    skeleton: recordOf('Roster', fields.with(fieldIndex.userlist, phoneIds)),
  };
}

/** Identifies one contact in stored rosters. */
export interface ContactEntry {
  readonly roster: string;
  readonly phoneId: string;
}

/** Lists all contacts in stored roster skeletons, in their order, in steps. */
export function* contactEntries(skeletons: Fragment): Steps<ContactEntry[]> {
  const entries: ContactEntry[] = [];
  if (isLong(skeletons)) yield;
  for (const [index, skeleton] of (listElements(skeletons) ?? []).entries()) {
    if (index % rostersInStep === rostersInStep - 1) yield;
    const { id, phoneIds } = yield* splitSkeleton(skeleton);
    for (const phoneId of phoneIds) if (entries.push({ roster: id, phoneId }) % textsInStep === 0) yield;
  }
  return entries;
}

/**
 * Lists those contacts in joined rosters that receive notices of the profile, in their order, in steps.
 * @param rosters - as they are answered: stored skeletons with their contacts.
 */
export function friendPlaces(rosters: Fragment): Steps<ContactEntry[]> {
  return placesWhere(rosters, isFriend);
}

/** The places of those contacts in joined rosters that hear nothing of a removal, in steps. */
export function placesOutlivingRemoval(rosters: Fragment): Steps<ContactEntry[]> {
  return placesWhere(rosters, outlivesRemoval);
}

function* placesWhere(rosters: Fragment, isMeant: (contact: Fragment) => boolean): Steps<ContactEntry[]> {
  const places: ContactEntry[] = [];
  if (isLong(rosters)) yield;
  for (const [at, fragment] of (listElements(rosters) ?? []).entries()) {
    if (at % rostersInStep === rostersInStep - 1) yield;
    const { roster, contacts } = contactsOf(fragment);
    for (const [index, contact] of contacts.entries()) {
      if (isMeant(contact)) places.push({ roster, phoneId: contactPhoneId(contact) });
      if (index % recordsInStep === recordsInStep - 1) yield;
    }
  }
  return places;
}

/**
 * How many contacts joined rosters hold, of whatever status. Only their lengths are read, as long as there is one roster:
 * thousands of contacts cost nothing.
 */
export function contactCount(rosters: Fragment): number {
  if (rosters[0] !== LIST_EXT) return 0;
  const view = new DataView(rosters.buffer, rosters.byteOffset, rosters.length);
  let count = 0;
  let at = LIST_HEAD;
  for (let left = view.getUint32(1); left > 0; left--) {
    if (isRecord(rosters, 'Roster', at)) {
      elementOffsets(rosters, at, toUserlist);
      const userlist = toUserlist[fieldIndex.userlist + 1] ?? 0;
      if (rosters[userlist] === LIST_EXT) count += view.getUint32(userlist + 1);
    }
    if (left > 1) at = skipTerm(rosters, at);
  }
  return count;
}

const LIST_EXT = 108;
const LIST_HEAD = 5;

/** Room for the offsets of the elements of a roster up to its user list. */
const toUserlist = new Int32Array(fieldIndex.userlist + 2);

function contactsOf(fragment: Fragment) {
  const fields = recordFields(fragment, 'Roster');
  const contacts = listElements(fields?.[fieldIndex.userlist] ?? unset) ?? [];
  return { roster: readId(fields?.[fieldIndex.id]) ?? '', contacts };
}

/**
 * Joins stored roster skeletons with their contacts, in steps.
 * @param contactAt - returns the stored contact of an entry; a missing contact is left out.
 */
export function* joinRosters(
  skeletons: Fragment,
  contactAt: (entry: ContactEntry) => Fragment | undefined,
): Steps<Fragment> {
  const rosters: Fragment[] = [];
  if (isLong(skeletons)) yield;
  for (const skeleton of listElements(skeletons) ?? []) {
    if (rosters.length % rostersInStep === rostersInStep - 1) yield;
    const { id, phoneIds, fields, fragment } = yield* splitSkeleton(skeleton);
    if (fields === undefined) {
      rosters.push(fragment);
      continue;
    }
    const contacts: Fragment[] = [];
    for (const [index, phoneId] of phoneIds.entries()) {
      const contact = contactAt({ roster: id, phoneId });
      if (contact !== undefined) contacts.push(contact);
      if (index % recordsInStep === recordsInStep - 1) yield;
    }
    rosters.push(recordOf('Roster', fields.with(fieldIndex.userlist, listOf(contacts))));
  }
  return listOf(rosters);
}

/** A contact that gets another `phone_id`; or goes, if that is `undefined`. */
export interface ContactRename {
  readonly entry: ContactEntry;
  readonly newPhoneId: string | undefined;
}

/**
 * Replaces the `phone_id`s of contacts in stored skeletons, and removes older entries with a new `phone_id`, in steps. All of
 * them together, because each call reads and writes the whole list.
 */
export function* renameContacts(skeletons: Fragment, renames: readonly ContactRename[]): Steps<Fragment> {
  const ofRosters = new Map<string, Map<string, string | undefined>>();
  for (const { entry, newPhoneId } of renames) {
    const ofRoster = ofRosters.get(entry.roster) ?? new Map<string, string | undefined>();
    ofRosters.set(entry.roster, ofRoster.set(entry.phoneId, newPhoneId));
  }
  const rosters: Fragment[] = [];
  if (isLong(skeletons)) yield;
  for (const skeleton of listElements(skeletons) ?? []) {
    if (rosters.length % rostersInStep === rostersInStep - 1) yield;
    const { id, phoneIds, fields, fragment } = yield* splitSkeleton(skeleton);
    const ofRoster = ofRosters.get(id);
    if (fields === undefined || ofRoster === undefined) {
      rosters.push(fragment);
      continue;
    }
    const taken = new Set(ofRoster.values());
    const changed: Fragment[] = [];
    for (const [index, each] of phoneIds.entries()) {
      const phoneId = ofRoster.has(each) ? ofRoster.get(each) : each;
      if (!taken.has(each) && phoneId !== undefined) changed.push(phoneIdFragment(phoneId));
      if (index % textsInStep === textsInStep - 1) yield;
    }
    rosters.push(recordOf('Roster', fields.with(fieldIndex.userlist, listOf(changed))));
  }
  return listOf(rosters);
}

/** A text takes a tenth of the time of a record. */
const textsInStep = 256;

function writePhoneIds(phoneIds: readonly string[]): Fragment {
  return listOf(phoneIds.map(phoneIdFragment));
}

const phoneIdFragment = (phoneId: string): Fragment => encodeFragment(Buffer.from(phoneId));

function* splitSkeleton(fragment: Fragment) {
  const fields = recordFields(fragment, 'Roster');
  const users = fields?.[fieldIndex.userlist];
  return {
    id: readId(fields?.[fieldIndex.id]) ?? '',
    phoneIds: users === undefined ? [] : ((yield* readListInSteps(users, readText)) ?? []),
    fields,
    fragment,
  };
}

function readIntegerRoster(fragment: Fragment): Roster | undefined {
  if (!isInteger(fragment)) return undefined;
  return { id: undefined, reference: readId(fragment), contacts: [], fragment, skeleton: fragment };
}

/** Reads a roster id, an integer or a text; `[]` is how JavaScript clients write 0. */
function readId(field: Fragment | undefined): string | undefined {
  if (field === undefined || field.length > maxId) return undefined;
  return String(readInteger(field) ?? readText(field) ?? '') || undefined;
}
