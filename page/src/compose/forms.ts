import { atom, type Term } from '../../../src/etf/index.ts';
import { contact, feature, profile, roster, service } from './records.ts';

/** One field of a request's form. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  /** `lines` takes several values, one on each line. */
  readonly control: 'text' | 'lines' | 'choice';
  readonly choices?: readonly string[];
  /** Shows two such fields side by side. */
  readonly isShort?: boolean;
}

/** How a request is composed. */
export interface Form {
  readonly fields: readonly Field[];
  /** Makes the request. `at` has the values of all fields, trimmed; `''` is a field that is left alone. */
  compose(phone: string, at: (name: string) => string): Term;
}

const presence: Field = {
  name: 'presence',
  label: 'Presence',
  control: 'choice',
  choices: ['', 'online', 'offline', 'away'],
};
const address: Field = { name: 'address', label: 'E-mail address', control: 'text' };

const forms: Readonly<Record<string, Form>> = {
  set: {
    fields: [
      presence,
      {
        name: 'settings',
        label: 'Settings',
        hint: 'A line each: KEY = value. No value takes the key away.',
        control: 'lines',
      },
      { name: 'rosterId', label: 'Roster id', control: 'text', isShort: true },
      { name: 'rosterName', label: 'Own name in it', control: 'text', isShort: true },
      {
        name: 'contacts',
        label: 'Contacts',
        hint: 'A line each: phone_roster, then the name.',
        control: 'lines',
      },
    ],
    compose: (phone, at) =>
      profile(phone, 'set', {
        presence: optionalAtom(at('presence')),
        settings: linesOf(at('settings')).map((line) => feature(...splitAt(line, '='))),
        rosters: at('rosterId') === '' ? [] : [rosterOf(at)],
      }),
  },
  update: {
    fields: [
      presence,
      { name: 'time', label: 'Time', hint: 'Unix milliseconds; empty is now.', control: 'text' },
    ],
    compose: (phone, at) =>
      profile(phone, 'update', {
        update: at('time') === '' ? Date.now() : integer(at('time')),
        presence: optionalAtom(at('presence')),
      }),
  },
  link: {
    fields: [address],
    compose: (phone, at) => profile(phone, 'link', { services: [service(at('address'), 'email')] }),
  },
  email: {
    fields: [address, { name: 'code', label: 'Code', control: 'text' }],
    compose: (phone, at) =>
      profile(phone, 'email', { services: [service(at('address'), 'email', at('code'))] }),
  },
  migrate: {
    fields: [
      { name: 'newPhone', label: 'New phone', hint: 'Digits, with the country code.', control: 'text' },
    ],
    compose: (_phone, at) => profile(at('newPhone'), 'migrate', { update: Date.now() }),
  },
};

/** The form of a kind of request. A kind that has none of its own is composed with just the phone. */
export function formOf(kind: string): Form {
  return forms[kind] ?? { fields: [], compose: (phone) => profile(phone, kind) };
}

function rosterOf(at: (name: string) => string): Term {
  const contacts = linesOf(at('contacts')).map((line) => contact(...splitAt(line, ' ')));
  return roster(integer(at('rosterId')), at('rosterName'), contacts);
}

/** Text that is not an integer is sent as text: the worker has an answer for it too. */
function integer(text: string): Term {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : new TextEncoder().encode(text);
}

function optionalAtom(name: string): Term {
  return name === '' ? [] : atom(name);
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function splitAt(line: string, mark: string): [string, string] {
  const index = line.indexOf(mark);
  return index < 0 ? [line, ''] : [line.slice(0, index).trim(), line.slice(index + 1).trim()];
}
