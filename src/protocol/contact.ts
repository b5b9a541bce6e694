import { elementOffsets, type Fragment, messageOf } from '../etf/index.ts';
import { isIntegerTag, readAtom, readText } from './fields.ts';
import { fieldOffsets, roomForOffsets, storedRecord } from './record.ts';

/** `{'Contact',PhoneId,Avatar,…,Status}` (15): an entry of a roster. */
export interface Contact {
  /** `<phone>_<roster id>` of the counterparty. */
  readonly phoneId: string;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;
}

/**
 * In which order a `'Contact'` has its elements: as in the protocol document, or as in the header file of deployed servers
 * (`roster.hrl`). `auto`: each record tells by itself; one that fits both is read as in the document.
 * @see docs/protocol.md, "Contact layouts"
 */
export type ContactLayout = 'document' | 'header' | 'auto';

/** Both layouts begin and end alike. */
const fieldIndex = { phone_id: 0, presence: 12, status: 13 } as const;

/** Where they differ, as far as this program changes an element or keeps it as sent. */
const ownIndex = {
  document: { last_msg: 9, update: 10 },
  header: { last_msg: 7, update: 8 },
} as const;

/** Longest phone id; a phone and a roster id need no more. */
const maxPhoneId = 255;

/**
 * Reads one contact; `undefined` for anything else, also for a `phone_id` that is not text. `last_msg` stays as sent.
 */
export function readContact(fragment: Fragment, layout: ContactLayout = 'auto'): Contact | undefined {
  if (!fieldOffsets(fragment, 'Contact', offsets)) return undefined;
  const phoneId = readText(fragment.subarray(offsets[fieldIndex.phone_id], offsets[fieldIndex.phone_id + 1]));
  if (!phoneId || phoneId.length > maxPhoneId) return undefined;
  const { last_msg } = ownIndex[layoutOf(fragment, layout)];
  return { phoneId, fragment: storedRecord('Contact', fragment, offsets, last_msg) };
}

/** Returns the contact with some of its elements changed, all others byte for byte. */
export function changeContact(
  contact: Fragment,
  changes: Partial<Record<keyof typeof fieldIndex, Fragment>>,
): Fragment {
  fieldOffsets(contact, 'Contact', offsets);
  const { phone_id, presence, status } = changes;
  return splice(contact, [
    [fieldIndex.phone_id, phone_id],
    [fieldIndex.presence, presence],
    [fieldIndex.status, status],
  ]);
}

/** Returns the contact with another `update` and `presence`, all other elements byte for byte. */
export function withNews(
  contact: Fragment,
  { update, presence }: Readonly<Record<'update' | 'presence', Fragment>>,
  layout: ContactLayout,
): Fragment {
  fieldOffsets(contact, 'Contact', offsets);
  return splice(contact, [
    [ownIndex[layoutOf(contact, layout)].update, update],
    [fieldIndex.presence, presence],
  ]);
}

/** @param changes - by rising index; one without a value is left out. */
function splice(contact: Fragment, changes: readonly (readonly [number, Fragment | undefined])[]): Fragment {
  const parts: Fragment[] = [];
  let from = 0;
  for (const [index, value] of changes) {
    if (value === undefined) continue;
    parts.push(contact.subarray(from, offsets[index]), value);
    from = offsets[index + 1] ?? contact.length;
  }
  parts.push(contact.subarray(from));
  return Buffer.concat(parts);
}

/** The layout of the contact whose offsets were read last. */
function layoutOf(contact: Fragment, layout: ContactLayout): 'document' | 'header' {
  if (layout !== 'auto') return layout;
  let votes = 0;
  for (const [index, header, document] of signs) {
    const sort = sortAt(contact, offsets[index] ?? 0);
    if (sort === undefined) continue;
    if (sort === header) votes++;
    else if (sort === document) votes--;
  }
  return votes > 0 ? 'header' : 'document';
}

/**
 * What tells the layouts apart: an index, what only the header's has there, and what only the document's has. A binary is
 * the document's `email` or `vox_id`; a tuple is a `last_msg`.
 */
const signs: readonly (readonly [number, Sort, Sort])[] = [
  [5, 'integer', 'binary'],
  [6, 'integer', 'binary'],
  [7, 'tuple', 'integer'],
  [9, 'integer', 'tuple'],
  [10, 'Feature', 'integer'],
  [11, 'Service', 'Feature'],
];

type Sort = 'integer' | 'binary' | 'tuple' | 'Feature' | 'Service';

/** What stands at a place, as far as it tells a layout: of a list, the record that is its first element. */
function sortAt(contact: Fragment, at: number): Sort | undefined {
  const tag = contact[at] ?? 0;
  if (isIntegerTag(tag)) return 'integer';
  if (tag === BINARY_EXT) return 'binary';
  if (tag === SMALL_TUPLE_EXT) return 'tuple';
  if (tag !== LIST_EXT || contact[at + LIST_HEAD] !== SMALL_TUPLE_EXT) return undefined;
  const name = readAtom(contact, at + LIST_HEAD + SMALL_TUPLE_HEAD);
  return name === 'Feature' || name === 'Service' ? name : undefined;
}

const SMALL_TUPLE_EXT = 104;
const SMALL_TUPLE_HEAD = 2;
const LIST_EXT = 108;
const LIST_HEAD = 5;
const BINARY_EXT = 109;

/** The `phone_id` of a stored contact. */
export function contactPhoneId(contact: Fragment): string {
  elementOffsets(contact, 0, firstOffsets);
  return readText(contact.subarray(firstOffsets[1], firstOffsets[2])) ?? '';
}

/** The name of a stored contact's status; `undefined` if it is not set or not an atom. Reads nothing else. */
export function contactStatus(contact: Fragment): string | undefined {
  fieldOffsets(contact, 'Contact', offsets);
  return readAtom(contact, offsets[fieldIndex.status]);
}

/** Offsets of the first elements of the contact that is being read, and of all its fields. */
const firstOffsets = new Int32Array(fieldIndex.phone_id + 3);
const offsets = roomForOffsets('Contact');

/** Whether a stored contact receives notices; a contact with an open request or a ban, on either side, does not. */
export function isFriend(contact: Fragment): boolean {
  return !silent.has(contactStatus(contact) ?? '');
}

const silent: ReadonlySet<string> = new Set([
  'request',
  'authorization',
  'ignore',
  'ban',
  'banned',
  'deleted',
  'nonexised', // Spelled as the protocol spells it.
]);

/** Whether a stored contact is banned or ignored, on either side. Neither a removal nor a move of the other side lifts that. */
export function isBan(contact: Fragment): boolean {
  return bans.has(contactStatus(contact) ?? '');
}

const bans: ReadonlySet<string> = new Set(['ban', 'banned', 'ignore']);

/** Whether a removal leaves a stored contact as it is, and tells nobody: a ban, or one that is `deleted` already. */
export function outlivesRemoval(contact: Fragment): boolean {
  return isBan(contact) || contactStatus(contact) === 'deleted';
}

/** Makes a payload of a contact. */
export function writeContact(contact: Fragment): Buffer {
  return messageOf(contact);
}
