import { encodeFragment, type Fragment, listElements } from '../etf/index.ts';
import { readContact } from '../protocol/contact.ts';
import { readFeatures } from '../protocol/feature.ts';
import { canonical, isInteger, isUnset, readAtom, readInteger, unset } from '../protocol/fields.ts';
import { writeList } from '../protocol/list.ts';
import { recordFields } from '../protocol/record.ts';
import { readRoster, readRosters } from '../protocol/roster.ts';
import { readServices } from '../protocol/service.ts';
import type { ProfileChange } from '../store/profiles.ts';

/** What a `'Profile'` holds beside phone and status, as fragments. */
export interface ProfileParts {
  readonly services: Fragment;
  readonly rosters: Fragment;
  readonly settings: Fragment;
  readonly update: Fragment;
  readonly balance: Fragment;
  readonly presence: Fragment;
}

/** All fields, also those that clients cannot set, in the form in which workers store them. */
export type WholeChange = Required<Omit<ProfileChange, 'code' | 'news'>>;

/** @returns what is wrong, a sentence without the value, for a field that no worker stores. */
export function changeOf(parts: ProfileParts): WholeChange | string {
  const services = readServices(parts.services);
  if (services === undefined)
    return "services are no list of 'Service' records of 8 elements and type email, vox or aws";
  const settings = readFeatures(parts.settings);
  if (settings === undefined) return "settings are no list of 'Feature' records of 5 elements";
  const rosters = readRosters(parts.rosters);
  if (rosters === undefined) return faultOfRosters(parts.rosters);
  const update = readInteger(parts.update);
  if (update === undefined) return 'update is no integer';
  if (!isUnset(parts.balance) && !isInteger(parts.balance)) return 'balance is no integer';
  const presence = isUnset(parts.presence) ? unset : canonical(parts.presence);
  if (presence !== unset && readAtom(presence) === undefined && presence[0] !== BINARY_EXT)
    return 'presence is neither an atom nor a binary';
  return {
    services: writeList(services),
    settings: writeList(settings),
    rosters,
    update: Number(update),
    balance: isUnset(parts.balance) ? encodeFragment(0) : parts.balance,
    presence,
  };
}

const BINARY_EXT = 109;
const USERLIST = 5;

/** Why `readRosters` does not read them: the place of the first that is wrong. */
function faultOfRosters(rosters: Fragment): string {
  const elements = listElements(rosters);
  if (elements === undefined) return 'rosters are no list';
  const index = elements.findIndex((element) => readRoster(element) === undefined);
  const element = elements[index];
  return element === undefined ? 'two rosters have one id' : `roster ${index + 1}: ${faultOfRoster(element)}`;
}

/** @param roster - one that `readRoster` does not read. */
export function faultOfRoster(roster: Fragment): string {
  const fields = recordFields(roster, 'Roster');
  if (fields === undefined) return "it is no 'Roster' of 14 elements";
  const contacts = isUnset(fields[USERLIST] ?? unset) ? [] : listElements(fields[USERLIST] ?? unset);
  if (contacts === undefined) return 'its userlist is no list';
  const index = contacts.findIndex((contact) => readContact(contact) === undefined);
  if (index < 0) return 'its id is neither an integer nor text';
  return `contact ${index + 1} is no 'Contact' of 15 elements with a phone_id`;
}
