import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atom, decodeFragment, ImproperList, type Term } from '../../../src/etf/index.ts';
import { atOnce } from '../../../src/lib/slices.ts';
import {
  changeContact,
  contactStatus,
  isFriend,
  readContact,
  withNews,
  writeContact,
} from '../../../src/protocol/contact.ts';
import { writeList } from '../../../src/protocol/list.ts';
import {
  type ContactEntry,
  contactCount,
  contactEntries,
  friendPlaces,
  joinRosters,
  placesOutlivingRemoval,
  type Roster,
  readRoster,
  readRosters,
  resolveReferences,
} from '../../../src/protocol/roster.ts';
import { contact, record, roster, type Value } from '../../harness/terms.ts';
import { atomEncodings, foreignTerms, fragment, raw } from './bytes.ts';

/** The contacts of rosters as they are stored, by `<roster id>:<phone_id>`. */
function storedContacts(rosters: readonly Roster[]): (entry: ContactEntry) => Uint8Array | undefined {
  const fields = new Map(
    rosters.flatMap(({ id, contacts }) =>
      contacts.map(({ phoneId, fragment: bytes }) => [`${id}:${phoneId}`, bytes] as const),
    ),
  );
  return (entry) => fields.get(`${entry.roster}:${entry.phoneId}`);
}

const outlinesOf = (rosters: readonly Roster[]) =>
  writeList(rosters.map(({ skeleton }) => ({ fragment: skeleton })));

const read = (...rosters: Term[]): Roster[] => {
  const result = readRosters(fragment(rosters));
  assert.ok(result);
  return result;
};

test('the skeleton of a roster has the phone_ids instead of its contacts', () => {
  const [one] = read(
    roster({ id: 7, names: 'n', userlist: [contact({ phoneId: 'b_1' }), contact({ phoneId: 'a_1' })] }),
  );
  assert.ok(one);
  const ids = ['b_1', 'a_1'].map((id) => new TextEncoder().encode(id));
  assert.deepEqual(decodeFragment(one.skeleton), roster({ id: 7, names: 'n', userlist: ids }));
  assert.deepEqual(atOnce(contactEntries(outlinesOf([one]))), [
    { roster: '7', phoneId: 'b_1' },
    { roster: '7', phoneId: 'a_1' },
  ]);
});

test('a status is read in any encoding of an atom; anything else is a friend’s', () => {
  for (const status of ['ban', 'banned', 'request', 'authorization', 'ignore', 'deleted', 'nonexised'])
    for (const [name, term] of atomEncodings(status)) {
      const one = readContact(fragment(contact({ phoneId: 'a_1', status: term })));
      assert.ok(one);
      assert.equal(contactStatus(one.fragment), status, name);
      assert.equal(isFriend(one.fragment), false, name);
    }
  for (const [name, term] of Object.entries({ ...foreignTerms, none: [], friend: atom('friend') })) {
    const one = readContact(fragment(contact({ phoneId: 'a_1', lastMessage: term, status: term })));
    assert.ok(one);
    assert.equal(isFriend(one.fragment), true, name);
  }
});

test('friends, and contacts that outlive a removal, are found in joined rosters', () => {
  const statuses = [[], atom('ban'), atom('friend'), atom('deleted')];
  const userlist = statuses.map((status, n) => contact({ phoneId: `${n}_1`, lastMessage: [n], status }));
  const rosters = fragment([5, roster({ id: 7, userlist }), roster({ id: 8, userlist: userlist.slice(1) })]);
  const at = (id: string, ...numbers: number[]) => numbers.map((n) => ({ roster: id, phoneId: `${n}_1` }));
  assert.deepEqual(atOnce(friendPlaces(rosters)), [...at('7', 0, 2), ...at('8', 2)]);
  assert.deepEqual(atOnce(placesOutlivingRemoval(rosters)), [...at('7', 1, 3), ...at('8', 1, 3)]);
  assert.deepEqual(atOnce(friendPlaces(fragment([]))), []);
  assert.equal(contactCount(rosters), 2 * statuses.length - 1);
  for (const none of [fragment([]), fragment([1, 2]), fragment([roster({ id: 7, userlist: [] })])])
    assert.equal(contactCount(none), 0);
});

test('an integer instead of a roster is a reference without contacts of its own', () => {
  const [one] = read(5);
  assert.ok(one);
  assert.deepEqual([one.id, one.reference, one.contacts], [undefined, '5', []]);
  assert.deepEqual(decodeFragment(one.fragment), 5);
  assert.deepEqual(atOnce(contactEntries(outlinesOf([one]))), []);
});

test('[1,2,3], which is a string on the wire, is three integers', () => {
  const rosters = readRosters(fragment(raw(107, 0, 3, 1, 2, 3)));
  assert.deepEqual(
    rosters?.map((one) => decodeFragment(one.fragment)),
    [1, 2, 3],
  );
});

test('a roster’s id may be an integer, a binary, a list of characters, or [] for 0', () => {
  const ids = read(...[3, 'x', [97, 98], []].map((id) => roster({ id }))).map(({ id }) => id);
  assert.deepEqual(ids, ['3', 'x', 'ab', '0']);
});

test('two rosters of one id are refused, also if one is an integer and the other a text', () => {
  assert.equal(readRosters(fragment([roster({ id: 3 }), roster({ id: '3' })])), undefined);
  assert.equal(readRosters(fragment([roster({ id: 0 }), roster({ id: [] })])), undefined);
  assert.equal(readRosters(fragment([roster({ id: 3 }), 3])), undefined);
  assert.equal(readRosters(fragment([300, 300])), undefined);
});

test('of two contacts with one phone_id the later is kept, at the index of the first', () => {
  const userlist = [
    contact({ phoneId: 'a_1', names: 'first' }),
    contact({ phoneId: 'b_1' }),
    contact({ phoneId: 'a_1', names: 'later' }),
  ];
  const [one] = read(roster({ userlist }));
  const kept = [contact({ phoneId: 'a_1', names: 'later' }), contact({ phoneId: 'b_1' })];
  assert.deepEqual(decodeFragment(one?.fragment ?? Buffer.of()), roster({ userlist: kept }));
});

const noRoster: Record<string, Term> = {
  'an atom': atom('Roster'),
  'a roster of 13 elements': record('Roster', ...Array<[]>(12).fill([])),
  'a roster of 15 elements': record('Roster', ...Array<[]>(14).fill([])),
  'another record of 14 elements': record('Room', ...Array<[]>(13).fill([])),
  'a roster whose id is an atom': roster({ id: atom('a') }),
  'a roster whose id is empty': roster({ id: '' }),
  'a roster whose id is a float': roster({ id: foreignTerms['a float'] ?? [] }),
  'a roster whose id has 256 bytes': roster({ id: 'x'.repeat(256) }),
  'a roster with an improper list of users': roster({
    userlist: new ImproperList([contact({ phoneId: 'a' })], 1),
  }),
  'a roster with a user that is no contact': roster({ userlist: [1] }),
  'the empty list': [],
  'a float': foreignTerms['a float'] ?? [],
};

for (const [name, term] of Object.entries(noRoster)) {
  test(`not a roster: ${name}`, () => {
    assert.equal(readRoster(fragment(term)), undefined);
    assert.equal(readRosters(fragment([roster({ id: 99 }), term])), undefined);
  });
}

const arbitraryRosters = fc
  .uniqueArray(fc.tuple(fc.nat(20), fc.array(fc.tuple(fc.nat(30), fc.string({ maxLength: 5 })))), {
    selector: ([id]) => id,
  })
  .map((rosters) =>
    rosters.map(([id, contacts]) =>
      id % 5 === 0
        ? id + 1_000
        : roster({
            id,
            userlist: contacts.map(([n, names]) => contact({ phoneId: `38050000${n}_1`, names })),
          }),
    ),
  );

test('the skeletons joined with the contacts are the rosters again', () => {
  fc.assert(
    fc.property(arbitraryRosters, (terms) => {
      const rosters = read(...terms);
      const joined = atOnce(joinRosters(outlinesOf(rosters), storedContacts(rosters)));
      assert.deepEqual(joined, writeList(rosters));
    }),
  );
});

test('joined rosters show a contact as it is now stored, and leave out a missing one', () => {
  fc.assert(
    fc.property(arbitraryRosters, fc.nat(), (terms, chosen) => {
      const rosters = read(...terms);
      const entries = atOnce(contactEntries(outlinesOf(rosters)));
      const place = entries[chosen % (entries.length || 1)];
      if (place === undefined) return;
      const stored = storedContacts(rosters);
      const isIt = (other: ContactEntry) => other.roster === place.roster && other.phoneId === place.phoneId;
      const without = atOnce(
        joinRosters(outlinesOf(rosters), (other) => (isIt(other) ? undefined : stored(other))),
      );
      const left = read(...(decodeFragment(without) as Term[])).flatMap(({ id, contacts }) =>
        contacts.map(({ phoneId }) => ({ roster: id, phoneId })),
      );
      assert.deepEqual(
        left,
        entries.filter((other) => !isIt(other)),
      );
    }),
  );
});

for (const [name, term] of Object.entries(foreignTerms)) {
  test(`${name} in last_msg comes back byte for byte`, () => {
    const read = readContact(fragment(contact({ phoneId: 'a_1', lastMessage: term })));
    assert.deepEqual(read?.fragment, fragment(contact({ phoneId: 'a_1', lastMessage: term })));
  });
}

test('a contact is read with its phone_id as a binary or a list of characters', () => {
  assert.equal(readContact(fragment(contact({ phoneId: '380501112233_1' })))?.phoneId, '380501112233_1');
  assert.equal(readContact(fragment(contact({ phoneId: [97, 95, 49] })))?.phoneId, 'a_1');
});

test('undefined in a contact becomes [], but in last_msg stays', () => {
  const sent = contact({ phoneId: 'a_1', names: atom('undefined'), lastMessage: atom('undefined') });
  const kept = contact({ phoneId: 'a_1', names: [], lastMessage: atom('undefined') });
  assert.deepEqual(readContact(fragment(sent))?.fragment, fragment(kept));
});

for (const [name, term] of Object.entries({
  'no phone_id': contact({ phoneId: [] }),
  'an empty phone_id': contact({ phoneId: '' }),
  'a phone_id that is a number': contact({ phoneId: 1 }),
  'a phone_id of 256 characters': contact({ phoneId: 'x'.repeat(256) }),
  '14 elements': record('Contact', 'a_1', ...Array<[]>(12).fill([])),
  '16 elements': record('Contact', 'a_1', ...Array<[]>(14).fill([])),
})) {
  test(`a contact with ${name} is refused`, () => {
    assert.equal(readContact(fragment(term)), undefined);
  });
}

test('a changed contact differs in the changed fields only', () => {
  const values = { phoneId: 'a_1', names: 'n', lastMessage: foreignTerms['a map'] ?? [], settings: [1] };
  const before = readContact(fragment(contact(values)));
  assert.ok(before);
  const deleted = changeContact(before.fragment, { status: fragment(atom('deleted')) });
  const changed = withNews(deleted, { update: fragment(5), presence: fragment(atom('away')) }, 'auto');
  const expected = contact({ ...values, update: 5, presence: atom('away'), status: atom('deleted') });
  assert.deepEqual(changed, fragment(expected));
  assert.deepEqual(writeContact(changed), Buffer.concat([Buffer.of(131), fragment(expected)]));
});

/** The stored rosters with what an integer names in its place, as terms. */
function resolved(sent: Term[], stored: Term[]): Term[] | undefined {
  const rosters = atOnce(resolveReferences(read(...sent), writeList(read(...stored))));
  return rosters?.map((one) => decodeFragment(one.fragment));
}

const filled = (id: Value) =>
  roster({ id, names: 'n', userlist: [contact({ phoneId: 'a_1' }), contact({ phoneId: 'b_1' })] });

test('an integer names a stored roster, which stays as it is', () => {
  assert.deepEqual(resolved([2, roster({ id: 1 })], [filled(1), filled(2)]), [filled(2), roster({ id: 1 })]);
  const [kept] = atOnce(resolveReferences(read(1), writeList(read(filled(1), filled(2))))) ?? [];
  assert.deepEqual(kept, read(filled(1))[0], 'with its contacts, to be stored again');
});

test('an integer that names no stored roster stays a bare id', () => {
  assert.deepEqual(resolved([5, 1], [filled(1)]), [5, filled(1)]);
  assert.deepEqual(resolved([5], []), [5]);
  assert.deepEqual(resolved([5, 6], [filled(1), 5]), [5, 6]);
});

test('a roster is named by its id as an integer, a text, or [] for 0', () => {
  for (const id of [[], '0', [48]]) assert.deepEqual(resolved([0, 7], [filled(id)]), [filled(id), 7]);
});

test('nothing changes where integers name all stored rosters in their order', () => {
  assert.equal(resolved([1, 2, 5], [filled(1), filled('2'), 5]), undefined);
  assert.deepEqual(resolved([2, 1], [filled(1), filled(2)]), [filled(2), filled(1)]);
});

test('a stored contact stays byte for byte, also one that would be read otherwise now', () => {
  const [, utf8] = atomEncodings('ok').at(-1) ?? [];
  const one = contact({ phoneId: 'a_1', lastMessage: 1, names: utf8 ?? [] });
  const stored = fragment([roster({ id: 1, userlist: [one] }), filled(2)]);
  const [kept] = atOnce(resolveReferences(read(1), stored)) ?? [];
  assert.deepEqual(Buffer.from(kept?.contacts[0]?.fragment ?? []), fragment(one));
  assert.deepEqual(kept?.fragment, fragment(roster({ id: 1, userlist: [one] })));
});
