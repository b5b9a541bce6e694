/** What a client reads of our answers that decodes them with the package erlang-term-format. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../../bench/peers/codecs/codecs.ts';
import { installCodecs } from '../../bench/peers/codecs/install.ts';
import {
  atom,
  encode,
  equal,
  float,
  ImproperList,
  isAtom,
  map,
  type Term,
  Tuple,
  tuple,
} from '../../src/etf/index.ts';
import { contact, feature, profile, refusal, roster, service } from '../harness/terms.ts';

/** A term as the package gives it. */
interface Node {
  readonly name: string;
  readonly value: never;
}

/** A number that is none: the package gives NaN for it. */
const lost = atom('NaN');

const readers: Readonly<Record<string, (value: never) => Term>> = {
  smallTuple: ({ elements }: { elements: Node[] }) => new Tuple(elements.map(termOf)),
  atom: ({ atom: name }: { atom: string }) => atom(name),
  binary: ({ data }: { data: Buffer }) => new Uint8Array(data),
  nil: () => [],
  smallInteger: (value: number) => value,
  integer: (value: number) => value,
  smallBigNum: ({ number }: { number: number }) => (Number.isNaN(number) ? lost : number),
  newFloat: (value: number) => float(value),
  string: ({ characters }: { characters: string }) =>
    Array.from(characters, (each) => each.codePointAt(0) ?? 0),
  list: ({ elements, tail }: { elements: Node[]; tail: Node }) =>
    tail.name === 'nil' ? elements.map(termOf) : new ImproperList(elements.map(termOf), termOf(tail)),
  map: ({ pairs }: { pairs: { key: Node; value: Node }[] }) =>
    map(pairs.map(({ key, value }) => [termOf(key), termOf(value)])),
};

const termOf = ({ name, value }: Node): Term => readers[name]?.(value) ?? lost;

/** What it makes of a message; `undefined` if nothing, or no whole term. */
function read(term: Term): Term | undefined {
  const node = codecs['erlang-term-format']?.().decode(encode(term)) as Node | undefined;
  return node && termOf(node);
}

/** The places in a term where the two differ: the numbers of elements, the tag is 0. */
function differences(ours: Term, theirs: Term | undefined, path = ''): string[] {
  if (theirs !== undefined && equal(ours, theirs)) return [];
  const [own, others] = [ours, theirs].map((term) => (term instanceof Tuple ? term.elements : term));
  if (!Array.isArray(own) || !Array.isArray(others) || own.length !== others.length) return [path || 'all'];
  return own.flatMap((term, index) => differences(term as Term, others[index] as Term, `${path}/${index}`));
}

const time = 1_795_902_775_713;
const phone = '380501112233';
const own = [
  roster({ id: 1, names: 'Оля', userlist: [contact({ phoneId: '380671112233_1', update: time })] }),
];
const link = service({ id: 'olena@example.org', type: atom('email'), status: atom('verified') });

/** Our answers and notices, and the places that the package reads wrongly. */
const answers: readonly (readonly [string, Term, readonly string[]])[] = [
  ['a refusal', refusal('not_found'), []],
  ['done', tuple(atom('io'), tuple(atom('ok'), atom('email_sent')), Buffer.of()), []],
  ['a removed profile', profile({ phone, status: 'remove' }), []],
  [
    'services, settings and ids of rosters',
    profile({ phone, services: [link], settings: [feature('LANG', 'uk')], rosters: [1, 2], status: 'get' }),
    [],
  ],
  [
    'a profile with a time',
    profile({ phone, update: time, presence: atom('online'), status: 'get' }),
    ['/5'],
  ],
  ['a contact in it', profile({ phone, rosters: own, update: time, status: 'get' }), ['/3/0/6/0/11', '/5']],
  ['a notice', contact({ phoneId: '380671112233_1', update: time }), ['/11']],
  [
    'credentials',
    tuple(
      atom('io'),
      tuple(atom('ok'), atom('aws')),
      service({ id: 'key', type: atom('aws'), expiration: time }),
    ),
    ['/2/6'],
  ],
  ['a negative balance', profile({ phone, balance: -5, status: 'get' }), ['/6']],
  ['an atom outside of Latin-1', profile({ phone, presence: atom('відійшла'), status: 'get' }), ['/7']],
];

const isInstalled = installCodecs();
const options = { skip: isInstalled ? false : 'npm cannot install erlang-term-format here' };

for (const [name, answer, wrong] of answers) {
  const title =
    wrong.length === 0 ? 'reads it rightly' : `reads ${wrong.join(' and ')} wrongly, the rest rightly`;
  test(`${name}: erlang-term-format ${title}`, options, () => {
    assert.deepEqual(differences(answer, read(answer)), wrong);
  });
}

test('a time is no number for it, and -5 is 4294967291', options, () => {
  assert.ok(isAtom(read(time) ?? [], 'NaN'));
  assert.equal(read(-5), 4_294_967_291);
});
