import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  atom,
  bitString,
  EtfTextError,
  encode,
  equal,
  float,
  ImproperList,
  map,
  parse,
  print,
  type RecordFields,
  type Term,
  tuple,
} from '../../../src/etf/index.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (text: string) => new Uint8Array(Buffer.from(text));

describe('print', () => {
  const printed: [Term, string][] = [
    [tuple(atom('io'), tuple(atom('ok'), atom('email_sent')), bytes()), '{io,{ok,email_sent},<<>>}'],
    [
      [atom('Profile'), atom('with space'), atom("it's"), atom('end'), atom('')],
      "['Profile','with space','it\\'s','end','']",
    ],
    [[...Buffer.from('380501112233')], '"380501112233"'],
    [[1, 2, 3], '[1,2,3]'],
    [utf8('text "quoted"\n'), '<<"text \\"quoted\\"\\n">>'],
    [utf8('Іван'), '<<"Іван"/utf8>>'],
    [bytes(228), '<<"ä">>'],
    [bytes(1, 2, 255), '<<1,2,255>>'],
    [[float(1), float(1e22), float(0.1), float(-0), float(123456.789)], '[1.0,1.0e22,0.1,-0.0,123456.789]'],
    [
      [float(0.0012), float(0.00012), float(123_000), float(2 ** 53)],
      '[0.0012,1.2e-4,1.23e5,9.007199254740992e15]',
    ],
    [bitString(bytes(160), 3), '<<5:3>>'],
    [
      map([
        [atom('a'), 1],
        [utf8('b'), map([])],
      ]),
      '#{a => 1,<<"b">> => #{}}',
    ],
    [new ImproperList([atom('a'), 1], atom('b')), '[a,1|b]'],
    [2n ** 64n, '18446744073709551616'],
    [-(2n ** 4096n), `-16#1${'0'.repeat(1024)}`],
  ];
  for (const [term, text] of printed) {
    test(`writes ${text.slice(0, 60)}`, () => {
      assert.equal(print(term), text);
      assert.ok(equal(parse(text), term));
    });
  }

  test('breaks only text wider than 80 columns into lines', () => {
    const contact = tuple(atom('Contact'), utf8('380501112233_1'), utf8('a'.repeat(50)), atom('online'));
    const text = print(tuple(atom('Profile'), [contact, 1], [], map([[atom('k'), contact]])), {
      indent: true,
    });
    assert.equal(
      text,
      `{
  'Profile',
  [
    {
      'Contact',
      <<"380501112233_1">>,
      <<"${'a'.repeat(50)}">>,
      online
    },
    1
  ],
  [],
  #{
    k => {
      'Contact',
      <<"380501112233_1">>,
      <<"${'a'.repeat(50)}">>,
      online
    }
  }
}`,
    );
    assert.equal(print(tuple(1, [2]), { indent: true }), '{1,[2]}');
  });
});

const records: Record<string, RecordFields> = {
  Profile: [
    { name: 'phone', default: [] },
    { name: 'balance', default: 0 },
    { name: 'status', default: [] },
  ],
};

describe('parse', () => {
  const readings: Record<string, [string, Term]> = {
    'a final dot': ['{ok}.', tuple(atom('ok'))],
    'blanks, lines and comments': [
      ' % a comment\n{ ok , % another\n\t1 }\n. % the last',
      tuple(atom('ok'), 1),
    ],
    'integers in all notations': [
      '[-5, +5, - 1, 16#FF, -16#ff, 2#101, 36#z, 1_000, $a, $\\n, $ , $\\\\]',
      [-5, 5, -1, 255, -255, 5, 35, 1000, 97, 10, 32, 92],
    ],
    'integers of any length': ['18446744073709551616', 2n ** 64n],
    floats: ['[1.0, -2.5e3, 1.0E-5]', [float(1), float(-2500), float(0.00001)]],
    'quoted atoms': [
      "['Profile', 'it\\'s', '\\x{456}', 'a\\nb']",
      [atom('Profile'), atom("it's"), atom('і'), atom('a\nb')],
    ],
    'atoms in Latin-1 and with @ and _': ['[é, a@b_C1]', [atom('é'), atom('a@b_C1')]],
    'strings, which are lists': ['{"ab", "", "і"}', tuple([97, 98], [], [1110])],
    'strings that follow each other': ['"ab" "cd"', [97, 98, 99, 100]],
    'all escapes': [
      '"\\b\\d\\e\\f\\n\\r\\s\\t\\v\\101\\x41\\x{1F600}\\^A\\"\\q"',
      [8, 127, 27, 12, 10, 13, 32, 9, 11, 65, 65, 0x1f600, 1, 34, 113],
    ],
    'lists with a tail': [
      '{[1|[2]], [1,2|a], [1|[2|a]]}',
      tuple([1, 2], new ImproperList([1, 2], atom('a')), new ImproperList([1, 2], atom('a'))),
    ],
    'binaries in all notations': [
      '[<<>>, <<1,2>>, <<"ab",0,"c">>, <<"і"/utf8>>, <<"é">>, <<256:16,-1>>, <<"a":16>>, <<$a>>]',
      [
        bytes(),
        bytes(1, 2),
        bytes(97, 98, 0, 99),
        utf8('і'),
        bytes(233),
        bytes(1, 0, 255),
        bytes(0, 97),
        bytes(97),
      ],
    ],
    'bit strings': [
      '[<<5:3>>, <<1:1,2:2,3:5>>, <<0:0>>]',
      [bitString(bytes(160), 3), bytes(0b11000011), bytes()],
    ],
    maps: [
      '#{a=>1, <<"b">> => #{}}',
      map([
        [atom('a'), 1],
        [utf8('b'), map([])],
      ]),
    ],
    records: [
      '#\'Profile\'{status = get, phone = <<"380">>}',
      tuple(atom('Profile'), utf8('380'), 0, atom('get')),
    ],
    'records with nothing set': ["#'Profile'{}", tuple(atom('Profile'), [], 0, [])],
  };
  for (const [name, [text, term]] of Object.entries(readings)) {
    test(`reads ${name}`, () => {
      assert.deepEqual(encode(parse(text, { records })), encode(term));
    });
  }

  const refused: Record<string, [string, number, number, RegExp]> = {
    nothing: ['', 1, 1, /a term is missing/],
    'only a comment': ['% nothing', 1, 10, /a term is missing/],
    'a second term': ['a b', 1, 3, /one term is expected/],
    'a variable': ['{ok,\n  Phone}', 2, 3, /variable/],
    'an anonymous variable': ['_', 1, 1, /variable/],
    'a reserved word': ['[a, end]', 1, 5, /reserved word/],
    'a pid': ['{<0.9.0>}', 1, 2, /pid/],
    'a reference': ['#Ref<0.1.2.3>', 1, 1, /reference/],
    'a fun': ['fun lists:map/2', 1, 1, /fun/],
    'a tuple that is never closed': ['{a,\nb', 2, 2, /, or } is expected/],
    'a list closed by a brace': ['[a}', 1, 3, /, or ] is expected/],
    'a comma too many': ['[a,]', 1, 4, /cannot start with ]/],
    'a string that is never closed': ['{"abc}', 1, 2, /never closed/],
    'a quoted atom that is never closed': ["'abc", 1, 1, /never closed/],
    'an atom of 256 characters': ['a'.repeat(256), 1, 1, /255 characters/],
    'a character without a meaning': ['{a;b}', 1, 3, /no meaning/],
    'a digit that its base lacks': ['2#12', 1, 1, /base 2/],
    'a base above 36': ['37#1', 1, 1, /2 to 36/],
    'a base of a hundred digits': [`${'9'.repeat(100)}#1`, 1, 1, /2 to 36/],
    'a decimal integer of 5,001 digits': ['9'.repeat(5_001), 1, 1, /base 16/],
    'a float beyond all floats': ['1.0e999', 1, 1, /large/],
    'a sign without a number': ['-a', 1, 2, /number is expected/],
    'a byte of 256': ['<<1,256>>', 1, 5, /does not fit in 8 bits/],
    'a byte of -129': ['<<-129>>', 1, 3, /does not fit/],
    'wide text without /utf8': ['<<"Іван">>', 1, 3, /\/utf8/],
    'an unknown type of a segment': ['<<1/float>>', 1, 4, /only "text"\/utf8/],
    'a segment of 2 G bits': ['<<0:2000000000>>', 1, 5, /at most/],
    'a float in a binary': ['<<1.5>>', 1, 3, /number is expected/],
    'a surrogate': ['"\\x{D800}"', 1, 2, /no character/],
    'an escape cut off': ['"\\x4"', 1, 2, /hexadecimal/],
    'a map without a value': ['#{a}', 1, 4, /=> is expected/],
    'a map with a key twice': ['{#{a => 1, a => 2}}', 1, 2, /same key twice/],
    'a map with a key twice, in a map': ['#{k => #{1 => a, 16#1 => b}}', 1, 1, /same key twice/],
    'an unknown record': ['#nobody{}', 1, 1, /no record/],
    'a record called like a method of all objects': ['#toString{}', 1, 1, /no record/],
    'an unknown field': ["#'Profile'{email = a}", 1, 12, /phone, balance, status/],
    'a field set twice': ["#'Profile'{phone = 1, phone = 2}", 1, 23, /twice/],
    '70 nested lists': [`${'['.repeat(70)}${']'.repeat(70)}`, 1, 66, /64 deep/],
    '100,000 nested tuples': ['{'.repeat(100_000), 1, 66, /64 deep/],
  };
  for (const [name, [text, line, column, message]] of Object.entries(refused)) {
    test(`refuses ${name} with its position`, () => {
      assert.throws(
        () => parse(text, { records }),
        (error: unknown) => {
          assert.ok(error instanceof EtfTextError, String(error));
          assert.match(error.message, message);
          assert.deepEqual([error.line, error.column], [line, column], error.message);
          return true;
        },
      );
    });
  }

  test('never repeats the text in an error', () => {
    for (const text of ['{secret1, Secret2}', "'secret", '<<"secret">', '[secret1 secret2]', '{"secret" 5']) {
      assert.throws(
        () => parse(text),
        (error: unknown) => !/secret/i.test(String(error)),
      );
    }
  });
});
