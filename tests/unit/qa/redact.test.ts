import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits, encode, parse, print, type Term } from '../../../src/etf/index.ts';
import { mirrored } from '../../../src/qa/mirror.ts';
import { redact } from '../../../src/qa/redact.ts';
import { contact, feature, profile, record, roster, service } from '../../harness/terms.ts';

const shown = (term: Term): string => print(redact(term));

test('codes, credentials and the rest of an address are replaced', () => {
  assert.equal(
    shown(service({ id: 'olena@example.org', type: parse('email'), data: '042137', status: parse('added') })),
    `{'Service',<<"o…@example.org"/utf8>>,email,<<"[redacted]">>,[],[],[],added}`,
  );
  assert.equal(
    shown(
      service({ id: 'ASIA1234', type: parse('aws'), login: 'secret', password: 'token', expiration: 17 }),
    ),
    `{'Service',<<"[redacted]">>,aws,[],<<"[redacted]">>,<<"[redacted]">>,17,[]}`,
  );
  // A code as a list of characters, as an integer, in the wrong place, in a record of the wrong size.
  for (const data of [parse('"042137"'), 42137, parse('{a,<<"042137">>}')]) {
    assert.doesNotMatch(shown(service({ data })), /42137/);
    assert.doesNotMatch(shown(service({ id: data })), /"042137"|,42137/);
    assert.doesNotMatch(shown(record('Service', data)), /42137/);
  }
});

test('addresses are masked everywhere, in any encoding', () => {
  const address = 'Olena.K@Mail.example.org';
  const deep = profile({
    rosters: [roster({ names: `O <${address}>`, userlist: [contact({ phoneId: '1_1', names: address })] })],
    settings: [
      feature('MAIL', parse(`"${address}"`)),
      feature('M', parse(`#{<<"a">> => [<<"${address}">>|x]}`)),
    ],
    status: 'set',
  });
  const text = shown(deep);
  assert.doesNotMatch(text, /lena/);
  assert.equal(text.match(/O…@Mail\.example\.org/g)?.length, 4);
});

test('settings and map keys with names of secrets hide their values', () => {
  for (const key of ['fcm_token', 'PASSWORD', 'apiKey', 'pin_code', 'client-secret']) {
    assert.doesNotMatch(shown(feature(key, 'hidden')), /hidden/);
    assert.doesNotMatch(shown(parse(`[#{<<"${key}">> => <<"hidden">>}]`)), /hidden/);
  }
  assert.match(shown(feature('LANG', 'uk')), /uk/);
});

test('a mirrored message has a line on what it says, the term, its size, and last the text', () => {
  const message = encode(profile({ phone: '380501112233', update: 17, status: 'get' }));
  const about = {
    form: 'etf',
    bytes: message.length,
    milliseconds: 1.5,
    message,
    limits: defaultLimits,
  } as const;
  assert.deepEqual(JSON.parse(mirrored('answer', about, new Date(0)).toString()), {
    answer: `#'Profile'{phone = <<"380501112233">>, update = 17, status = get}`,
    term: { record: 'Profile', phone: '380501112233', update: 17, balance: 0, status: 'get' },
    at: '1970-01-01T00:00:00.000Z',
    form: 'etf',
    bytes: message.length,
    milliseconds: 1.5,
    text: [`#'Profile'{phone = <<"380501112233">>, update = 17, status = get}`],
  });
});

test('a mirrored message has at most 6 KB, and says so if it was cut', () => {
  const contacts = Array.from({ length: 500 }, (_, n) => contact({ phoneId: `380${n}_1`, names: 'Ім’я 😀' }));
  const long = 'ї😀'.repeat(9_000);
  for (const term of [
    profile({ rosters: [roster({ userlist: contacts })], status: 'get' }),
    profile({ settings: [feature('K', long)], status: 'get' }),
    profile({
      settings: Array.from({ length: 9 }, () => feature('K', '\u0001"'.repeat(900))),
      status: 'get',
    }),
  ]) {
    const message = encode(term);
    const about = { form: 'erlang', bytes: message.length, message, limits: defaultLimits } as const;
    const payload = mirrored('answer', about, new Date());
    assert.ok(payload.length <= 6 * 1024, `${payload.length} bytes`);
    assert.ok(payload.length > 2 * 1024, `${payload.length} bytes`);
    const json = JSON.parse(payload.toString());
    const names = Object.keys(json);
    assert.deepEqual([names.slice(0, 2), names.at(-1)], [['answer', 'truncated'], 'text']);
    assert.deepEqual([json.truncated, json.text.at(-1)], [true, '…']);
    assert.ok(json.answer.length <= 160);
    assert.doesNotMatch(payload.toString(), /\uFFFD/);
  }
});

test('of 400 contacts the mirror shows the first ten, and how many there are', () => {
  const contacts = Array.from({ length: 400 }, (_, n) =>
    contact({ phoneId: `3805000000${n}_1`, names: 'Ім’я' }),
  );
  const message = encode(
    profile({ rosters: [roster({ names: 'Olena', userlist: contacts })], status: 'get' }),
  );
  const about = { form: 'etf', bytes: message.length, message, limits: defaultLimits } as const;
  const { term } = JSON.parse(mirrored('answer', about, new Date()).toString());
  const [{ contacts: count, userlist, names }] = term.rosters;
  assert.deepEqual([count, userlist.length, names], [400, 10, 'Olena']);
});

test('for bytes that are not a term only the size and the reason are shown', () => {
  const about = {
    form: 'erlang',
    bytes: 9,
    because: 'line 1',
    message: undefined,
    limits: defaultLimits,
  } as const;
  assert.deepEqual(Object.keys(JSON.parse(mirrored('answer', about, new Date()).toString())), [
    'answer',
    'at',
    'form',
    'bytes',
    'because',
  ]);
  const broken = { form: 'etf', bytes: 2, message: Buffer.of(131, 104), limits: defaultLimits } as const;
  assert.deepEqual(Object.keys(JSON.parse(mirrored('answer', broken, new Date()).toString())), [
    'answer',
    'at',
    'form',
    'bytes',
  ]);
});
