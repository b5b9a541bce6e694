import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Known, readProfile, whatIsSaid } from '../../../page/src/shown/profiles.ts';
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

test('after phone the old phone is known as moved, after remove as removed; a get says when there is none', () => {
  const [old, young] = ['380501112233', '380931112233'];
  const said = (text: string, before?: Known, answersGet = false) =>
    whatIsSaid({ phone: old, term: parse(text), at: now, answersGet }, before);
  const moved = whatIsSaid(
    { phone: old, term: profile({ phone: young, status: 'phone' }), at: now, answersGet: false },
    undefined,
  );
  assert.deepEqual(moved?.get(old), { is: 'moved', to: young, at: now });
  assert.equal(moved?.get(young)?.is, 'there');
  const removed = whatIsSaid(
    { phone: old, term: profile({ phone: young, status: 'remove' }), at: now, answersGet: false },
    undefined,
  );
  assert.deepEqual(removed, new Map([[young, { is: 'removed', at: now }]]));

  const notFound = '{io,{error,not_found},<<>>}';
  const notAuthorized = '{io,{error,not_authorized},<<>>}';
  assert.equal(said(notFound), undefined);
  assert.deepEqual(said(notFound, undefined, true)?.get(old), { is: 'none', at: now });
  assert.equal(said(notAuthorized, undefined, true)?.get(old)?.is, 'signed-out');
  for (const is of ['removed', 'moved'] as const)
    assert.equal(said(notAuthorized, { is, to: young, at: now }, true), undefined);
  assert.equal(said('{io,{error,busy},<<>>}', undefined, true), undefined);
});
