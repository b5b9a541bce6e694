/** Payloads that are refused with `invalid_data`, each by what is wrong with it. */
import { deflateSync } from 'node:zlib';
import { atom, encode, Foreign, type Term, Tuple, tuple } from '../../src/etf/index.ts';
import { feature, type ProfileValues, profile, record, roster, type Value } from './terms.ts';

/** Makes the payload for the phone that a client may ask for. */
export type BadPayload = (phone: string) => Buffer;

/** A payload from the numbers and texts that stand in it. */
const bytes = (...parts: (number | string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))));

const uint32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
};

/** A term that `encode` would not write. */
const raw = (...parts: (number | string | Uint8Array)[]): Foreign => new Foreign(bytes(...parts));

const good = (phone: string, values: Partial<ProfileValues> = {}): Buffer =>
  encode(profile({ phone, status: 'set', ...values }));

const withData =
  (data: Term): BadPayload =>
  (phone) =>
    good(phone, { settings: [feature('key', data)] });

const withPhone =
  (wrong: Value): BadPayload =>
  () =>
    encode(profile({ phone: wrong, status: 'set' }));

const withStatus =
  (status: Term): BadPayload =>
  (phone) =>
    encode(new Tuple([...profile({ phone, status: 'get' }).elements.slice(0, 8), status]));

const compressed = (term: Uint8Array, declared: number): Buffer =>
  bytes(131, 80, uint32(declared), deflateSync(term));

const megabytes = (count: number) => Buffer.alloc(count * 1024 * 1024);
const sixteen = deflateSync(megabytes(16));
const nested = (count: number, ...head: number[]) =>
  raw(
    Buffer.concat(Array<Buffer>(count).fill(Buffer.from(head))),
    106,
    Buffer.alloc(head[0] === 108 ? count : 0, 106),
  );

export const badPayloads: Readonly<Record<string, BadPayload>> = {
  'no term at all': () => Buffer.from('{"phone":"380501112233"}'),
  'Erlang text': (phone) => Buffer.from(`{'Profile',<<"${phone}">>,[],[],[],0,0,[],get}`),
  'another version': (phone) => bytes(130, good(phone).subarray(1)),
  'the version alone': () => bytes(131),
  'a term that ends too early': (phone) => good(phone).subarray(0, -1),
  'a term that ends within the phone': (phone) => good(phone).subarray(0, 20),
  'a byte after the term': (phone) => bytes(good(phone), 0),
  'a second term after the term': (phone) => bytes(good(phone), good(phone)),
  'a tag that there is not': withData(raw(60)),
  'a compressed term within a term': withData(raw(80, uint32(1), deflateSync(Buffer.of(106)))),
  'a binary that promises 4 GB': (phone) => bytes(good(phone).subarray(0, 11), 109, uint32(0xffffffff), 'x'),
  'a list that promises 4 billion elements': withData(raw(108, uint32(0xffffffff))),
  'a list that promises 2 billion elements': withData(raw(108, uint32(0x7fffffff))),
  'a tuple that promises 4 billion elements': withData(raw(105, uint32(0xffffffff))),
  'a map that promises 4 billion pairs': withData(raw(116, uint32(0xffffffff))),
  'an integer that promises 4 GB': withData(raw(111, uint32(0xffffffff), 0)),
  'a bit string that promises 4 GB': withData(raw(77, uint32(0xffffffff), 1)),
  'a string that promises 65,535 bytes': withData(raw(107, 0xff, 0xff)),
  'an atom that promises 65,535 bytes': withData(raw(118, 0xff, 0xff)),
  'a fun that promises 4 GB': withData(raw(112, uint32(0xffffffff), Buffer.alloc(40))),
  '30,000 levels of lists': withData(nested(30_000, 108, 0, 0, 0, 1)),
  '30,000 levels of tuples': withData(nested(30_000, 104, 1)),
  '30,000 levels of maps': withData(nested(30_000, 116, 0, 0, 0, 1, 106)),
  '65 levels of tuples': withData(nested(65, 104, 1)),
  '900 levels of tuples in the place of the phone': withPhone(nested(900, 104, 1)),
  '70,000 elements': withData(raw(108, uint32(70_000), Buffer.alloc(70_000, 106), 106)),
  '70,000 elements in one string of bytes and more': withData([
    Array<number>(60_000).fill(1),
    Array<number>(10_000).fill(1),
  ]),
  'more than 256 KiB': withData(Buffer.alloc(262_144)),
  'a zip bomb that tells its size': () => bytes(131, 80, uint32(16 * 1024 * 1024), sixteen),
  'a zip bomb that tells 4 GB': () => bytes(131, 80, uint32(0xffffffff), sixteen),
  'a zip bomb that tells 100 bytes': () => bytes(131, 80, uint32(100), sixteen),
  'a zip bomb that tells the most that is allowed': () => bytes(131, 80, uint32(1_048_576), sixteen),
  'a compressed term shorter than it tells': (phone) =>
    compressed(good(phone).subarray(1), good(phone).length + 10),
  'a compressed term and bytes after it': (phone) =>
    bytes(compressed(good(phone).subarray(1), good(phone).length - 1), 0),
  'a compressed term that is cut off': (phone) =>
    compressed(good(phone).subarray(1), good(phone).length - 1).subarray(0, -6),
  'a compressed nothing': () => bytes(131, 80, uint32(0), deflateSync('')),
  'no zlib stream where one is due': () => bytes(131, 80, uint32(10), 'not a zlib stream'),
  'a compressed message within a compressed one': (phone) => {
    const inner = compressed(good(phone).subarray(1), good(phone).length - 1).subarray(1);
    return compressed(inner, inner.length);
  },
  'a list that is improper where one is due': (phone) =>
    good(phone, { rosters: raw(108, uint32(1), 97, 1, 97, 2) }),
  'a list in 30,000 pieces, improper at its end, where one is due': (phone) => {
    const pieces = Buffer.concat(many(30_000, () => bytes(108, uint32(1), 106)));
    return good(phone, { settings: raw(pieces, 97, 1) });
  },
  'a map with one key twice': withData(raw(116, uint32(2), 97, 1, 106, 97, 1, 106)),
  'a map with one key twice, in two encodings': withData(
    raw(116, uint32(2), 100, 0, 2, 'ok', 106, 119, 2, 'ok', 106),
  ),
  'an atom of 256 characters': withData(raw(100, 1, 0, 'a'.repeat(256))),
  'an atom of 256 characters in UTF-8': withData(raw(118, 1, 0, 'a'.repeat(256))),
  'an atom of UTF-8 that is none': withData(raw(119, 2, 0xc3, 0x28)),
  'an atom of half a character': withData(raw(118, 0, 1, 0xc3)),
  'an atom of a surrogate': withData(raw(118, 0, 3, 0xed, 0xa0, 0x80)),
  'a float that is no number': withData(raw(70, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)),
  'an old float of other text': withData(raw(99, 'one and a half'.padEnd(31, '\0'))),

  'a Profile of 7 elements': (phone) => encode(record('Profile', phone, [], [], [], 0, atom('get'))),
  'a Profile of 10 elements': (phone) =>
    encode(record('Profile', phone, [], [], [], 0, 0, [], [], atom('get'))),
  'a Profile of nothing': () => encode(record('Profile')),
  'a Profile of 300 elements': () => encode(record('Profile', ...Array<[]>(299).fill([]))),
  'an unknown status': withStatus(atom('got')),
  'a status that is a binary': withStatus(Buffer.from('get')),
  'a status that is unset': withStatus([]),
  'a status in capitals': withStatus(atom('Get')),
  'a status of an object’s own property': withStatus(atom('constructor')),

  'a phone with a slash': withPhone('38050/1112233'),
  'a phone with #': withPhone('38050#'),
  'a phone with a second +': withPhone('++380501112233'),
  'a phone with + inside': withPhone('38050+1112233'),
  'a phone with a zero byte': withPhone('380501112233\0'),
  'a phone with a brace': withPhone('{380501112233'),
  'a phone with a line break': withPhone('380501112233\n'),
  'a phone with a space': withPhone(' 380501112233'),
  'a phone with digits that are not 0 to 9': withPhone('٣٨٠٥٠١١١٢٢٣٣'),
  'a phone of 4 digits': withPhone('1234'),
  'a phone of 16 digits': withPhone('1234567890123456'),
  'a phone that is +': withPhone('+'),
  'a phone that is empty': withPhone(''),
  'a phone that is unset in a migrate': () => encode(profile({ status: 'migrate' })),
  'a phone that is an atom': withPhone(atom('a380501112233')),
  'a phone that is a negative number': withPhone(-380501112233),
  'a phone that is a number of 16 digits': withPhone(1234567890123456),
  'a phone that is a number of 250,000 bytes': withPhone(1n << 1_999_999n),
  'a phone that is a number of a million bytes, compressed': () => {
    const term = encode(profile({ phone: 1n << 7_999_999n, status: 'set' })).subarray(1);
    return compressed(term, term.length);
  },
  'a phone that is a list of lists': withPhone([[51], [56], [48], [53], [48]]),
  'a phone that is a list of what is no character': withPhone([51, 56, 48, 53, 0x110000]),
  'a phone that is not UTF-8': withPhone(Buffer.from([0xff, 0xfe, 51, 56, 48])),
  'a phone that is a tuple': withPhone(tuple()),

  '10,000 settings, the last of them wrong': (phone) =>
    packed(
      profile({ phone, settings: [...many(10_000, (n) => feature(`key ${n}`, 'value')), 7], status: 'set' }),
    ),
  '4,000 contacts, the last of them wrong': (phone) => {
    const contacts = many(4_000, (n) => record('Contact', `38050${n}_1`, ...many(13, () => 'text')));
    return packed(profile({ phone, rosters: [roster({ userlist: [...contacts, 7] })], status: 'set' }));
  },
  '60,000 rosters, the last of them wrong': (phone) =>
    packed(profile({ phone, rosters: [...many(60_000, (n) => n + 1_000), atom('x')], status: 'set' })),
  'a roster whose id is a number of a million bytes': (phone) =>
    packed(profile({ phone, rosters: [roster({ id: 1n << 7_999_999n })], status: 'set' })),
  'a map of 30,000 keys, the last of them the first again': (phone) => {
    const pairs = Buffer.concat(many(30_000, (n) => bytes(98, uint32(n === 29_999 ? 0 : n), 106)));
    return packed(
      profile({ phone, settings: [feature('key', raw(116, uint32(30_000), pairs))], status: 'set' }),
    );
  },
};

function many<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function packed(term: Term): Buffer {
  const plain = encode(term).subarray(1);
  return compressed(plain, plain.length);
}
