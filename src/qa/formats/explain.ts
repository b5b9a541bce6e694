import {
  decode,
  encodeFragment,
  type Fragment,
  isAtom,
  type Limits,
  print,
  type Term,
  Tuple,
} from '../../etf/index.ts';
import { readFeature } from '../../protocol/feature.ts';
import { isUnset, readAtom, readInteger } from '../../protocol/fields.ts';
import { readPhone } from '../../protocol/phone.ts';
import { readPresence } from '../../protocol/presence.ts';
import { kindsThatNamePhone } from '../../protocol/profile.ts';
import { readRoster, readRosters } from '../../protocol/roster.ts';
import { readService } from '../../protocol/service.ts';
import { type RecordName, recordNameOf, records } from './record-fields.ts';

/**
 * Why a term is no valid request, in one sentence; `undefined` if no reason is found. The readers of `src/protocol` decide,
 * and the sentence names the field that they refuse.
 * @param kinds - of request: the keys of the table in src/handlers/index.ts.
 */
export function explain(message: Uint8Array, limits: Limits, kinds: readonly string[]): string | undefined {
  const term = decode(message, limits);
  const name = recordNameOf(term);
  if (!(term instanceof Tuple) || name !== 'Profile') return notProfile(term);
  const { elements } = term;
  if (elements.length !== 9 && elements.length !== 8) return wrongSize('Profile', elements.length);
  const status = readAtom(fragmentOf(elements.at(-1)));
  const phone = fragmentOf(elements[1]);
  if (isUnset(phone) && kindsThatNamePhone.has(status ?? '')) {
    return `phone, element 2 of the 'Profile', is not set; ${status} needs it`;
  }
  if (!isUnset(phone) && readPhone(phone) === undefined) {
    return 'phone, element 2 of the \'Profile\', is not 5 to 15 digits, such as <<"380501112233">>';
  }
  const kind = kinds.find((known) => known === status);
  if (kind === undefined) {
    return `the last element of a 'Profile' names the request: ${kinds.join(', ')}`;
  }
  return explainFields(kind, term);
}

function notProfile(term: Term): string {
  const begins = term instanceof Tuple && isAtom(term.elements[0]) ? print(term.elements[0]) : undefined;
  if (begins === undefined) return `a request is a 'Profile' tuple; this is ${sortOf(term)}`;
  const hint = begins === 'profile' ? ', with a capital letter and so in quotes' : '';
  return `a request is a 'Profile' tuple${hint}; what begins with ${begins} belongs to other services and has no answer here`;
}

function sortOf(term: Term): string {
  if (term instanceof Tuple) return 'a tuple that begins with no atom';
  if (Array.isArray(term)) return 'a list';
  if (term instanceof Uint8Array) return 'a binary';
  if (isAtom(term)) return 'an atom';
  return typeof term === 'number' || typeof term === 'bigint' ? 'an integer' : 'another term';
}

function wrongSize(name: RecordName, size: number): string {
  const fields = records[name].map((field) => field.name).join(', ');
  const or = name === 'Profile' ? ' (or 8, without presence)' : '';
  return `a '${name}' has ${records[name].length + 1} elements${or}: the tag, ${fields}; this one has ${size}`;
}

/** The fields that each request reads; other fields may hold anything. A request that is not listed reads none. */
const lookedAt: Readonly<Record<string, readonly string[]>> = {
  set: ['services', 'rosters', 'settings', 'presence'],
  update: ['update', 'presence'],
  link: ['services'],
  email: ['services'],
};

function explainFields(kind: string, { elements }: Tuple): string | undefined {
  const fields = records.Profile.filter(({ name }) => elements.length === 9 || name !== 'presence');
  for (const [index, { name }] of fields.entries()) {
    if (!lookedAt[kind]?.includes(name)) continue;
    const why = checks[name]?.(elements[index + 1] ?? []);
    if (why !== undefined) return `${name}, element ${index + 2} of the 'Profile': ${why}`;
  }
  return undefined;
}

type Check = (value: Term) => string | undefined;

const checks: Readonly<Record<string, Check>> = {
  services: (value) => eachOf(value, 'Service', readService, 'its type is email, vox or aws, or []'),
  settings: (value) => eachOf(value, 'Feature', readFeature, 'it cannot be read'),
  rosters(value) {
    const why = eachOf(value, 'Roster', readRoster, explainRoster);
    if (why !== undefined || readRosters(fragmentOf(value)) !== undefined) return why;
    return 'two rosters have one id';
  },
  update: (value) => (readInteger(fragmentOf(value)) === undefined ? 'a time is an integer' : undefined),
  presence: (value) =>
    readPresence(fragmentOf(value)) === 'invalid_data'
      ? 'a presence is an atom or a binary, of at most 64 bytes as encoded'
      : undefined,
};

/** The first element of a list that its reader refuses, and why. */
function eachOf(
  value: Term,
  name: RecordName,
  read: (fragment: Fragment) => unknown,
  otherwise: string | ((element: Tuple) => string),
): string | undefined {
  if (isUnset(fragmentOf(value))) return undefined;
  if (!Array.isArray(value)) return `a list of '${name}' tuples is expected`;
  const index = value.findIndex((element) => read(fragmentOf(element)) === undefined);
  const wrong = value[index];
  if (wrong === undefined) return undefined;
  const which = `number ${index + 1} in the list`;
  if (!(wrong instanceof Tuple) || recordNameOf(wrong) !== name) return `${which} is no '${name}' tuple`;
  const size = wrong.elements.length;
  if (size !== records[name].length + 1) return `${which}: ${wrongSize(name, size)}`;
  return `${which}: ${typeof otherwise === 'string' ? otherwise : otherwise(wrong)}`;
}

function explainRoster({ elements }: Tuple): string {
  const userlist = elements[6] ?? [];
  const size = records.Contact.length + 1;
  if (!isUnset(fragmentOf(userlist)) && !Array.isArray(userlist))
    return "userlist is a list of 'Contact' tuples";
  const wrong = Array.isArray(userlist)
    ? userlist.find(
        (one) => !(one instanceof Tuple) || recordNameOf(one) !== 'Contact' || one.elements.length !== size,
      )
    : undefined;
  if (wrong instanceof Tuple && recordNameOf(wrong) === 'Contact')
    return wrongSize('Contact', wrong.elements.length);
  if (wrong !== undefined) return "userlist is a list of 'Contact' tuples";
  return 'its id is an integer or a text, and so is the phone_id of each contact, of at most 255 bytes';
}

function fragmentOf(term: Term | undefined): Fragment {
  return encodeFragment(term ?? []);
}
