import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atom, decode, defaultLimits, encode, type Term, tuple } from '../../../src/etf/index.ts';
import { knownKinds, requestKinds } from '../../../src/handlers/index.ts';
import { readProfile, writeProfile } from '../../../src/protocol/profile.ts';
import { feature, fieldsOf, profile, record, shortProfile, text } from '../../harness/terms.ts';
import { atomEncodings, fragment, raw } from './bytes.ts';

const phone = '380501112233';
const read = (term: Term) => readProfile(encode(term), defaultLimits, knownKinds);

for (const kind of requestKinds) {
  test(`${kind} is a request`, () => {
    const sent = read(profile({ phone, status: kind }));
    assert.ok(typeof sent !== 'string');
    assert.deepEqual([sent.phone, sent.kind, sent.size], [phone, kind, 8]);
  });
}

for (const [encoding, tag] of atomEncodings('Profile')) {
  test(`the tag and the status may be ${encoding}`, () => {
    const [, status] = atomEncodings('get').find(([name]) => name === encoding) ?? [];
    const sent = read(tuple(tag, text(phone), [], [], [], 0, 0, [], status ?? []));
    assert.ok(typeof sent !== 'string');
    assert.equal(sent.kind, 'get');
  });
}

test('the fields are the bytes that were sent', () => {
  const values = {
    services: raw(108, 0, 0, 0, 1, 119, 1, 97, 106),
    rosters: [1, 2, 3],
    settings: [feature('a', 'b')],
    update: raw(98, 0, 0, 0, 1),
    balance: -1,
    presence: atom('online'),
  };
  const sent = read(profile({ phone, ...values, status: 'set' }));
  assert.ok(typeof sent !== 'string');
  for (const [name, value] of Object.entries(values)) {
    assert.deepEqual(Buffer.from(sent[name as keyof typeof values]), Buffer.from(fragment(value)), name);
  }
});

test('a Profile of 8 elements is one without presence', () => {
  const sent = read(shortProfile({ phone, balance: 7, presence: atom('online'), status: 'get' }));
  assert.ok(typeof sent !== 'string');
  assert.equal(sent.size, 7);
  assert.deepEqual(Buffer.from(sent.balance), Buffer.from(fragment(7)));
  assert.deepEqual(Buffer.from(sent.presence), Buffer.from(fragment([])));
});

for (const elements of [0, 1, 2, 6, 9, 10, 14, 299]) {
  test(`a Profile of ${elements + 1} elements is invalid_data`, () => {
    assert.equal(read(record('Profile', ...Array<[]>(elements).fill([]))), 'invalid_data');
  });
}

test('an unknown status is invalid_data', () => {
  for (const status of ['', 'gets', 'GET', 'constructor', '__proto__', 'undefined']) {
    assert.equal(read(profile({ phone, status })), 'invalid_data');
  }
});

test('a status that is not an atom is invalid_data', () => {
  for (const status of [[], 1, text('get')]) {
    assert.equal(read(tuple(atom('Profile'), text(phone), [], [], [], 0, 0, [], status)), 'invalid_data');
  }
});

test('a bad phone is invalid_data', () => {
  for (const bad of ['', '1234', '++380501112233', '38050/1']) {
    assert.equal(read(profile({ phone: bad, status: 'get' })), 'invalid_data');
  }
});

test('a term that is not a Profile tuple is foreign', () => {
  const terms = [record('Auth', phone), record('Roster'), tuple(), atom('Profile'), [], 1, text('Profile')];
  for (const term of terms) assert.equal(read(term), 'foreign');
});

test('a tuple of 256 elements and more is read as one', () => {
  assert.equal(read(record('Message', ...Array<[]>(300).fill([]))), 'foreign');
  assert.equal(read(tuple(text('Profile'), ...Array<[]>(300).fill([]))), 'foreign');
});

test('every prefix of a request is invalid_data, and so is every request with bytes after it', () => {
  const request = encode(profile({ phone, settings: [feature('a', 'b')], status: 'set' }));
  for (let length = 0; length < request.length; length++) {
    assert.equal(readProfile(request.subarray(0, length), defaultLimits, knownKinds), 'invalid_data');
  }
  assert.equal(
    readProfile(Buffer.concat([request, Buffer.of(0)]), defaultLimits, knownKinds),
    'invalid_data',
  );
});

test('no bytes make it throw', () => {
  const request = encode(profile({ phone, settings: [feature('a', 'b')], rosters: [1, 2], status: 'set' }));
  fc.assert(
    fc.property(fc.nat(request.length - 1), fc.nat(255), (at, byte) => {
      const bytes = Buffer.from(request);
      bytes[at] = byte;
      readProfile(bytes, defaultLimits, knownKinds);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const message = Buffer.concat([Buffer.of(131), bytes]);
      readProfile(message, defaultLimits, knownKinds);
    }),
  );
});

test('a written profile reads back, with as many elements', () => {
  const fields = {
    services: [],
    rosters: [1],
    settings: [feature('a', 'b')],
    balance: 5,
    presence: atom('away'),
  };
  const { services, rosters, settings, balance, presence } = fields;
  const fragments = {
    services: fragment(services),
    rosters: fragment(rosters),
    settings: fragment(settings),
    balance: fragment(balance),
    presence: fragment(presence),
    update: 1_700_000_000_000,
  };
  const expected = profile({ phone, ...fields, update: fragments.update, status: 'get' });
  assert.deepEqual(writeProfile(phone, fragments, 'get', 8), encode(expected));
  const short = shortProfile({ phone, ...fields, update: fragments.update, status: 'get' });
  assert.deepEqual(writeProfile(phone, fragments, 'get', 7), encode(short));
});

test('a phone is answered as a binary, a time in milliseconds as a big integer', () => {
  const fields = { services: fragment([]), rosters: fragment([]), settings: fragment([]) };
  const rest = { update: 1_700_000_000_000, balance: fragment(0), presence: fragment([]) };
  const written = fieldsOf(decode(writeProfile(phone, { ...fields, ...rest }, 'set', 8)));
  assert.deepEqual(written.phone, text(phone));
  assert.equal(written.update, 1_700_000_000_000);
});
