import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { atom, encodeFragment, type Fragment, type Term, tupleElements } from '../../../src/etf/index.ts';
import { type ContactLayout, changeContact, readContact, withNews } from '../../../src/protocol/contact.ts';
import { contact, feature, record } from '../../harness/terms.ts';
import { terms } from '../etf/arbitrary.ts';
import { atomEncodings, foreignTerms, fragment } from './bytes.ts';

/** Of both layouts, as Erlang writes them; the head of the file says how it was made. */
const golden = readFileSync(new URL('contact-records.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('%'))
  .map((line) => {
    const [name = '', layout = '', base64 = ''] = line.split('|');
    const index = layout === 'header' ? 8 : 10;
    return { name, layout, index, bytes: Buffer.from(base64, 'base64').subarray(1) as Fragment };
  });

const news = { update: fragment(1_795_902_775_999), presence: fragment(atom('away')) };

function equal(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/** The indexes of the elements that differ, not counting the tag. */
function changed(before: Fragment, after: Fragment): number[] {
  const [old, now] = [before, after].map((each) => tupleElements(each, 1) ?? []);
  assert.equal(now?.length, 14);
  assert.deepEqual(after.subarray(0, 12), before.subarray(0, 12), 'the head and the tag stay');
  return [...(old ?? []).keys()].filter((index) => !equal(old?.[index], now?.[index]));
}

test('there are golden records of both layouts', () => {
  for (const layout of ['document', 'header'])
    assert.ok(golden.filter((each) => each.layout === layout).length > 5);
});

for (const { name, layout, index, bytes } of golden) {
  test(`${layout}, ${name}: read as it is, and only update and presence change with news`, () => {
    assert.ok(equal(readContact(bytes)?.fragment, bytes));
    const after = withNews(bytes, news, 'auto');
    assert.deepEqual(changed(bytes, after), [index, 12]);
    const elements = tupleElements(after, 1) ?? [];
    assert.ok(equal(elements[index], news.update) && equal(elements[12], news.presence));
    assert.ok(equal(withNews(after, news, 'auto'), after), 'its layout is still known');
  });

  test(`${layout}, ${name}: a setting decides instead of the record`, () => {
    assert.ok(changed(bytes, withNews(bytes, news, 'document')).includes(10));
    assert.ok(changed(bytes, withNews(bytes, news, 'header')).includes(8));
  });

  test(`${layout}, ${name}: phone_id, presence and status stand at one place`, () => {
    const changes = { phone_id: fragment('380990001122_9'), presence: fragment('x'), status: fragment([]) };
    const status = readStatus(bytes);
    assert.deepEqual(
      changed(bytes, changeContact(bytes, changes)),
      status === undefined ? [0, 12] : [0, 12, 13],
    );
    assert.deepEqual(changeContact(bytes, {}), bytes);
  });
}

/** The status element, unless it is not set. */
function readStatus(bytes: Fragment): Fragment | undefined {
  const status = tupleElements(bytes, 1)?.[13];
  return status?.[0] === 106 ? undefined : status;
}

const headerContact = (lastMessage: Term, created: Term) =>
  record(
    'Contact',
    'a_1',
    [],
    'n',
    [],
    [],
    [],
    0,
    lastMessage,
    0,
    created,
    [feature('LANG', 'uk')],
    [],
    [],
    [],
  );

for (const [name, term] of Object.entries(foreignTerms)) {
  test(`${name} in last_msg of the header's layout comes back byte for byte`, () => {
    const sent = fragment(headerContact(term, 5));
    assert.deepEqual(readContact(sent)?.fragment, sent);
  });
}

test('an atom in last_msg stays as it was sent, in the place that the layout gives it', () => {
  const [, utf8] = atomEncodings('ok').at(-1) ?? [];
  assert.ok(utf8);
  const header = fragment(headerContact(utf8, utf8));
  const kept = fragment(headerContact(utf8, atom('ok')));
  assert.deepEqual(readContact(header)?.fragment, kept);
  const document = fragment(contact({ phoneId: 'a_1', lastMessage: utf8, status: utf8 }));
  const expected = fragment(contact({ phoneId: 'a_1', lastMessage: utf8, status: atom('ok') }));
  assert.deepEqual(readContact(document)?.fragment, expected);
});

test('a record that fits both layouts, or speaks for both alike, is read as in the document', () => {
  const unset = record('Contact', 'a_1', ...Array<[]>(13).fill([]));
  const both = record('Contact', 'a_1', [], [], [], [], 5, [], 6, ...Array<[]>(6).fill([]));
  for (const term of [unset, both]) {
    const before = fragment(term);
    assert.deepEqual(changed(before, withNews(before, news, 'auto')), [10, 12]);
  }
});

test('a contact of the header’s layout whose settings an earlier version lost gets the next time at the right place', () => {
  const lost = record('Contact', 'a_1', [], [], [], [], [], 0, [], 0, 5, 1_795_902_775_713, [], [], []);
  const before = fragment(lost);
  assert.deepEqual(changed(before, withNews(before, news, 'auto')), [8, 12]);
});

const layouts: readonly ContactLayout[] = ['document', 'header', 'auto'];

test('a change touches nothing but its own elements, whatever the others hold', () => {
  fc.assert(
    fc.property(
      fc.array(terms, { minLength: 13, maxLength: 13 }),
      fc.constantFrom(...layouts),
      fc.integer(),
      (elements, layout, time) => {
        const before = encodeFragment(record('Contact', '380671112233_7', ...elements));
        const update = { update: fragment(time), presence: fragment('a presence') };
        const at = changed(before, withNews(before, update, layout));
        const allowed = { document: [10, 12], header: [8, 12], auto: [8, 10, 12] }[layout];
        assert.ok(at.every((index) => allowed.includes(index)) && at.length <= 2, at.join());
        const status = changeContact(before, { status: fragment(atom('deleted')) });
        assert.ok(changed(before, status).every((index) => index === 13));
        const renamed = changeContact(before, { phone_id: fragment('380990001122_7') });
        assert.deepEqual(changed(before, renamed), [0]);
      },
    ),
  );
});
