import { olena, olenasNew, taras } from '../phones.ts';
import type { People } from './shapes.ts';

/** The people of the conversation. The contacts add the counterparties of the first two. */
export const people: People = [
  {
    name: 'Olena',
    phone: olena.phone,
    examples: {
      'set.rosterId': '1',
      'set.rosterName': 'Olena',
      'set.contacts': `${taras.phone}_7 Taras`,
      'set.settings': 'LANG = uk',
      'link.address': 'olena@example.org',
      'email.address': 'olena@example.org',
      'migrate.newPhone': olenasNew.phone,
    },
  },
  {
    name: 'Taras',
    phone: taras.phone,
    examples: {
      'set.rosterId': '7',
      'set.rosterName': 'Taras',
      'set.contacts': `${olena.phone}_1 Olena`,
      'link.address': 'taras@example.org',
      'email.address': 'taras@example.org',
    },
  },
  { name: 'Olena’s new phone', phone: olenasNew.phone, examples: {} },
];
