/** `set` of a wrong shape: `invalid_data`, and nothing changes. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, ImproperList, tuple } from '../../../src/etf/index.ts';
import { startHarness } from '../../harness/harness.ts';
import {
  contact,
  feature,
  type ProfileValues,
  profile,
  record,
  refusal,
  roster,
  service,
  text,
} from '../../harness/terms.ts';

const harness = await startHarness();
after(() => harness.stop());

const nil = (count: number) => Array<[]>(count).fill([]);

const wrong: Record<string, Omit<ProfileValues, 'status'>> = {
  'settings that are a tuple': { settings: tuple() },
  'settings that are a binary': { settings: 'text' },
  'settings that are a number': { settings: 0 },
  'settings that are an improper list': {
    settings: new ImproperList([feature('a', 'b')], feature('c', 'd')),
  },
  'a setting that is no Feature': { settings: [feature('a', 'b'), text('text')] },
  'a Feature of 4 elements': { settings: [record('Feature', ...nil(3))] },
  'a Feature of 6 elements': { settings: [record('Feature', ...nil(5))] },
  'a feature of another name': { settings: [record('feature', ...nil(4))] },
  'settings in the form of a string of bytes': { settings: [1, 2, 3] },
  'rosters that are a binary': { rosters: 'text' },
  'rosters that are an improper list': { rosters: new ImproperList([1], 2) },
  'a Roster of 13 elements': { rosters: [record('Roster', 1, ...nil(11))] },
  'a Roster of 15 elements': { rosters: [record('Roster', 1, ...nil(13))] },
  'a Roster whose id is an atom': { rosters: [roster({ id: atom('a') })] },
  'a Roster whose id is empty': { rosters: [roster({ id: '' })] },
  'a Roster whose id is not UTF-8': { rosters: [roster({ id: Buffer.from([0xff]) })] },
  'a Roster whose id is longer than 255 bytes': { rosters: [roster({ id: 'x'.repeat(256) })] },
  'two Rosters of one id': { rosters: [roster({ id: 1 }), roster({ id: '1' })] },
  'a user list that is a binary': { rosters: [roster({ userlist: 'text' })] },
  'a user list that is an improper list': {
    rosters: [roster({ userlist: new ImproperList([contact({ phoneId: 'a' })], 1) })],
  },
  'a user that is no Contact': { rosters: [roster({ userlist: [text('380670000001_1')] })] },
  'a Contact of 14 elements': { rosters: [roster({ userlist: [record('Contact', 'a', ...nil(12))] })] },
  'a Contact of 16 elements': { rosters: [roster({ userlist: [record('Contact', 'a', ...nil(14))] })] },
  'a Contact without a phone_id': { rosters: [roster({ userlist: [contact({ phoneId: [] })] })] },
  'a Contact whose phone_id is a number': { rosters: [roster({ userlist: [contact({ phoneId: 1 })] })] },
  'a Contact whose phone_id is not UTF-8': {
    rosters: [roster({ userlist: [contact({ phoneId: Buffer.from([0xff]) })] })],
  },
  'a Contact whose phone_id is longer than 255': {
    rosters: [roster({ userlist: [contact({ phoneId: 'x'.repeat(256) })] })],
  },
  'services that are a number': { services: 1 },
  'services that are an improper list': { services: new ImproperList([service({})], 1) },
  'a service that is no Service': { services: [atom('vox')] },
  'a Service of 7 elements': { services: [record('Service', ...nil(6))] },
  'a Service of 9 elements': { services: [record('Service', ...nil(8))] },
  'a Service of an unknown type': { services: [service({ type: atom('fax') })] },
  'a Service whose type is a binary': { services: [service({ type: 'vox' })] },
  'a presence that is a long binary': { presence: 'x'.repeat(60) },
  'a presence that is a number': { presence: 1 },
};

for (const [name, values] of Object.entries(wrong)) {
  test(`${name}: invalid_data, nothing is created and nothing changed`, async () => {
    const phone = await harness.phone();
    const state = () =>
      Promise.all(
        ['profile', 'contacts'].map((key) => harness.database.hgetallBuffer(`${key}:{${phone.number}}`)),
      );
    // All other fields are valid, so a stored one would be visible.
    const right = {
      presence: atom('away'),
      settings: [feature('A', 'b')],
      services: [service({ id: 'v', type: atom('vox') })],
      rosters: [roster({ userlist: [contact({ phoneId: '380670000002_1' })] })],
    };
    const request = profile({ ...right, ...values, phone: phone.number, status: 'set' });
    assert.deepEqual(await phone.ask(request), refusal('invalid_data'));
    assert.deepEqual(await state(), [{}, {}]);

    const rosters = [roster({ userlist: [contact({ phoneId: '380670000001_1' })] })];
    const settings = [feature('LANG', 'uk')];
    await phone.ask(
      profile({ phone: phone.number, rosters, settings, presence: atom('online'), status: 'set' }),
    );
    const before = await state();
    assert.deepEqual(await phone.ask(request), refusal('invalid_data'));
    assert.deepEqual(await state(), before);
  });
}

test('settings that would be too large together: invalid_data, and the stored ones stay', async () => {
  const phone = await harness.phone();
  const set = (key: string) => {
    const settings = [feature(key, 'x'.repeat(150_000))];
    return phone.ask(profile({ phone: phone.number, settings, status: 'set' }));
  };
  await set('A');
  const before = await harness.database.hgetallBuffer(`profile:{${phone.number}}`);
  assert.deepEqual(await set('B'), refusal('invalid_data'));
  assert.deepEqual(await harness.database.hgetallBuffer(`profile:{${phone.number}}`), before);
  assert.notDeepEqual(await set('A'), refusal('invalid_data'));
});
