import { elementOffsets, type Fragment, messageOf } from '../etf/index.ts';
import { readAtom, readText } from './fields.ts';
import { fieldOffsets, recordFields, recordOf, roomForOffsets, storedRecord } from './record.ts';

/** `{'Contact',PhoneId,Avatar,…,Status}` (15): an entry of a roster. */
export interface Contact {
  /** `<phone>_<roster id>` of the counterparty. */
  readonly phoneId: string;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;
}

const fieldIndex = { phone_id: 0, last_msg: 9, update: 10, presence: 12, status: 13 } as const;

/** Longest phone id; a phone and a roster id need no more. */
const maxPhoneId = 255;

/**
 * Reads one contact; `undefined` for anything else, also for a `phone_id` that is not text. `last_msg` stays as sent.
 */
export function readContact(fragment: Fragment): Contact | undefined {
  if (!fieldOffsets(fragment, 'Contact', offsets)) return undefined;
  const phoneId = readText(fragment.subarray(offsets[fieldIndex.phone_id], offsets[fieldIndex.phone_id + 1]));
  if (!phoneId || phoneId.length > maxPhoneId) return undefined;
  return { phoneId, fragment: storedRecord('Contact', fragment, offsets, fieldIndex.last_msg) };
}

/** Returns the contact with some of its fields changed. The fragment must come from `readContact`. */
export function changeContact(
  contact: Fragment,
  changes: Partial<Record<keyof typeof fieldIndex, Fragment>>,
): Fragment {
  const fields = recordFields(contact, 'Contact') ?? [];
  for (const [name, value] of Object.entries(changes) as [keyof typeof fieldIndex, Fragment][]) {
    fields[fieldIndex[name]] = value;
  }
  return recordOf('Contact', fields);
}

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
