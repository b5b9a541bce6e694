import { elementOffsets, type Fragment, messageOf } from '../etf/index.ts';
import { readAtom, readText, unset } from './fields.ts';
import { recordFields, recordOf, recordSizes, storedRecord } from './record.ts';

/** `{'Contact',PhoneId,Avatar,…,Status}` (15): somebody in a roster. */
export interface Contact {
  /** `<phone>_<roster id>` of the other side. */
  readonly phoneId: string;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;
}

const fieldIndex = { phone_id: 0, last_msg: 9, update: 10, presence: 12, status: 13 } as const;

/** Longer phone ids are refused; a phone and a roster id need no more. */
const maxPhoneId = 255;

/** Read one contact; `undefined` for anything else, also for a `phone_id` that is no text. `last_msg` stays as sent. */
export function readContact(fragment: Fragment): Contact | undefined {
  const fields = recordFields(fragment, 'Contact');
  const phoneId = readText(fields?.[fieldIndex.phone_id] ?? unset);
  if (fields === undefined || !phoneId || phoneId.length > maxPhoneId) return undefined;
  return { phoneId, fragment: storedRecord('Contact', fragment, fields, fieldIndex.last_msg) };
}

/** The same contact with some of its fields changed. The fragment is one that `readContact` made. */
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

/** The name of a stored contact's status; `undefined` if it is not set, or no atom. Nothing else of it is cut out. */
export function contactStatus(contact: Fragment): string | undefined {
  elementOffsets(contact, 0, offsets);
  return readAtom(contact, offsets[fieldIndex.status + 1]);
}

/** Where the elements of the contact that is being read start; of the first ones, and of all. */
const firstOffsets = new Int32Array(fieldIndex.phone_id + 3);
const offsets = new Int32Array(recordSizes.Contact);

/** Whether a stored contact hears of the other side; an open request and a ban, on either side, are silent. */
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
  'nonexised', // as the protocol spells it
]);

/** Whether a stored contact was removed, or is told so already. */
export function isDeleted(contact: Fragment): boolean {
  return contactStatus(contact) === 'deleted';
}

/** A contact as a payload. */
export function writeContact(contact: Fragment): Buffer {
  return messageOf(contact);
}
