import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProfile } from '../../../page/src/shown/profiles.ts';
import { parse } from '../../../src/etf/index.ts';
import { contact, feature, profile, roster, service, shortProfile } from '../../harness/terms.ts';

const now = new Date();

test('a profile is shown with its settings, services, rosters and contacts', () => {
  const term = profile({
    phone: '380501112233',
    services: [service({ id: 'olena@example.org', type: parse('email'), status: parse('verified') })],
    rosters: [
      roster({
        id: 1,
        names: 'Олена',
        userlist: [
          contact({ phoneId: '380671112233_7', names: 'Taras', update: 1000, presence: parse('online') }),
        ],
      }),
    ],
    settings: [feature('LANG', 'uk')],
    update: 1795491652129,
    presence: parse('away'),
    status: 'get',
  });
  assert.deepEqual(readProfile(term, now), {
    phone: '380501112233',
    status: 'get',
    at: now,
    presence: 'away',
    update: new Date(1795491652129),
    balance: '0',
    settings: [{ key: 'LANG', value: 'uk' }],
    services: [{ id: 'olena@example.org', type: 'email', status: 'verified' }],
    rosters: [
      {
        id: '1',
        names: 'Олена',
        contacts: [
          {
            phoneId: '380671112233_7',
            names: 'Taras',
            update: new Date(1000),
            presence: 'online',
            status: '',
          },
        ],
      },
    ],
  });
});

test('a profile without presence is shown too, a roster that is a number is not', () => {
  const shown = readProfile(
    shortProfile({ phone: parse('"380501112233"'), rosters: [1, 2], status: 'set' }),
    now,
  );
  assert.equal(shown?.phone, '380501112233');
  assert.equal(shown?.status, 'set');
  assert.equal(shown?.presence, '');
  assert.deepEqual(shown?.rosters, []);
});

test('no other term is a profile', () => {
  for (const text of ['{io,{ok,aws},<<>>}', "{'Profile',1,2}", '[]', 'get', "{'Contact'}"])
    assert.equal(readProfile(parse(text), now), undefined);
});
