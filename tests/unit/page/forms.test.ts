import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formOf } from '../../../page/src/compose/forms.ts';
import { defaultLimits } from '../../../src/etf/errors.ts';
import { encode, print } from '../../../src/etf/index.ts';
import { knownKinds, requestKinds } from '../../../src/handlers/index.ts';
import { readFeatures } from '../../../src/protocol/feature.ts';
import { readProfile } from '../../../src/protocol/profile.ts';
import { readRosters } from '../../../src/protocol/roster.ts';
import { readServices } from '../../../src/protocol/service.ts';

const values: Readonly<Record<string, string>> = {
  presence: 'online',
  settings: 'LANG = uk\n\n THEME=\n',
  rosterId: '1',
  rosterName: 'Олена',
  contacts: '380671112233_7 Taras Shevchenko\n380931112233_1',
  address: 'olena@example.org',
  code: '012345',
  newPhone: '380931112233',
};

/** The request of a form, as a worker reads it. */
function composed(kind: (typeof requestKinds)[number]) {
  const sent = readProfile(
    encode(formOf(kind).compose('380501112233', (name) => values[name] ?? '')),
    defaultLimits,
    knownKinds,
  );
  assert.ok(typeof sent === 'object', String(sent));
  return sent;
}

for (const kind of requestKinds) {
  test(`the form of ${kind} composes a request that a worker reads as ${kind}`, () => {
    const sent = composed(kind);
    assert.equal(sent.kind, kind);
    assert.equal(sent.phone, kind === 'migrate' ? '380931112233' : '380501112233');
    assert.ok(readServices(sent.services) && readRosters(sent.rosters) && readFeatures(sent.settings));
  });
}

test('contacts and settings are written one on each line', () => {
  const { rosters, settings } = composed('set');
  const [roster] = readRosters(rosters) ?? [];
  assert.deepEqual(
    roster?.contacts.map(({ phoneId }) => phoneId),
    ['380671112233_7', '380931112233_1'],
  );
  assert.deepEqual(
    readFeatures(settings)?.map(({ key }) => key),
    ['LANG', 'THEME'],
  );
  assert.match(print(formOf('set').compose('1', (name) => values[name] ?? '')), /<<"Taras Shevchenko">>/);
  assert.match(
    print(formOf('set').compose('1', (name) => values[name] ?? '')),
    /\{'Feature',\[\],<<"THEME">>,\[\],\[\]\}/,
  );
});

test('an empty field stays unset', () => {
  assert.equal(print(formOf('set').compose('1', () => '')), '{\'Profile\',<<"1">>,[],[],[],0,0,[],set}');
});

test('a time that is not a number is sent as typed, for the worker to refuse', () => {
  const said = formOf('update').compose('1', (name) => (name === 'time' ? 'soon' : ''));
  assert.match(print(said), /<<"soon">>/);
});

test('a kind without a form of its own is composed with just the phone', () => {
  assert.equal(print(formOf('brief').compose('1', () => '')), '{\'Profile\',<<"1">>,[],[],[],0,0,[],brief}');
});
