/** Terms that the fuzzer begins with. */

import { atom, ImproperList, type Term, tuple } from '../../src/etf/index.ts';
import { contact, feature, profile, record, roster, service } from '../harness/terms.ts';

const headerContact = record(
  'Contact',
  ...[
    '380671112233_1',
    [],
    [],
    [],
    [],
    [5],
    0,
    [],
    0,
    1,
    [feature('LANG', 'uk')],
    [service({ id: 'v' })],
    [],
    [],
  ],
);

export const samples: readonly Term[] = [
  profile({ phone: '380501112233', status: 'get' }),
  profile({
    phone: '380501112233',
    status: 'set',
    settings: [feature('language', Buffer.from('uk')), feature('__proto__', [])],
    services: [service({ id: 'olena@example.org', type: 'email' }), service({ id: 'vox', type: 'vox' })],
    rosters: [roster({ id: 1, userlist: [contact({ phoneId: '380671112233_1' })] }), 7],
  }),
  // As clients of older servers write it: no phone, a contact in the layout of their header file, a binary presence.
  profile({
    status: 'set',
    rosters: [roster({ id: 1, userlist: [headerContact] }), 300],
    presence: 'online',
  }),
  tuple(atom('Roster'), [1, 2, 3], new ImproperList([1], atom('tail')), -5, 1_795_491_652_129, 2n ** 70n),
  Buffer.alloc(40, 'x'),
];
