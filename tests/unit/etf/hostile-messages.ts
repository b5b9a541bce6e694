import { deflateSync } from 'node:zlib';
import type { EtfReason } from '../../../src/etf/index.ts';

/** Messages made to crash a reader, to fill its memory or to block its event loop. */

export const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const message = (...parts: Uint8Array[]) => Buffer.concat([Buffer.of(131), ...parts]);
export const times = (count: number, bytes: Uint8Array) => Buffer.alloc(count * bytes.length, bytes);
const many = (count: number, make: (index: number) => Uint8Array) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
const list = (count: number, elements: Uint8Array) =>
  Buffer.concat([Buffer.of(108), uint32(count), elements, Buffer.of(106)]);
const map = (pairs: number, content: Uint8Array) => Buffer.concat([Buffer.of(116), uint32(pairs), content]);
const smallAtom = (name: Uint8Array) => Buffer.concat([Buffer.of(119, name.length), name]);
export const zipped = (term: Uint8Array, declared = term.length, level = 9) =>
  message(Buffer.of(80), uint32(declared), deflateSync(term, { level }));
const integer = (value: number) => Buffer.concat([Buffer.of(98), uint32(value)]);
export const binary = (bytes: Uint8Array) => Buffer.concat([Buffer.of(109), uint32(bytes.length), bytes]);

/** Nested maps: each the only key, or one of two keys, of the next. */
function nested(depth: number, wrap: (inner: Buffer) => Buffer, innermost: Buffer): Buffer {
  let term = innermost;
  for (let i = 0; i < depth; i++) term = wrap(term);
  return term;
}

/** Messages that must be refused, and why. */
export const refused: Readonly<Record<string, readonly [Uint8Array, EtfReason]>> = {
  'nothing at all': [Buffer.alloc(0), 'truncated'],
  'only a version': [hex('83'), 'truncated'],
  'text instead of a term': [Buffer.from('{io,ok}'), 'bad_version'],
  'a tuple cut off': [hex('83 6803 6101'), 'truncated'],
  'a list without its tail': [hex('83 6c00000001 6101'), 'truncated'],
  'a byte after the term': [hex('83 6101 00'), 'trailing_bytes'],
  'a tag that nobody knows': [hex('83 ff'), 'unknown_tag'],
  'a reference to an atom cache': [hex('83 5201'), 'unknown_tag'],
  'a compressed term inside a term': [hex('83 6801 50 00000001 00'), 'unknown_tag'],
  'a tuple of 4 G elements': [hex('83 69ffffffff'), 'truncated'],
  'a list of 4 G elements': [hex('83 6cffffffff 6101'), 'truncated'],
  'a map of 4 G pairs': [hex('83 74ffffffff 6101'), 'truncated'],
  'a binary of 4 GB': [hex('83 6dffffffff 00'), 'truncated'],
  'a bit string of 4 GB': [hex('83 4dffffffff01 00'), 'truncated'],
  'an integer of 4 GB': [hex('83 6fffffffff00 00'), 'truncated'],
  'a fun of 4 GB': [hex('83 70ffffffff'), 'truncated'],
  'a payload over 256 KiB': [message(binary(Buffer.alloc(262_139))), 'payload_too_large'],
  '65,537 elements': [message(list(65_537, times(65_537, hex('6a')))), 'too_many_elements'],
  '65,537 elements in nested lists': [
    message(list(2, Buffer.concat([list(65_530, times(65_530, hex('6a'))), list(5, times(5, hex('6a')))]))),
    'too_many_elements',
  ],
  'two strings of 65,535 characters': [
    message(list(2, times(2, Buffer.concat([hex('6bffff'), Buffer.alloc(65_535)])))),
    'too_many_elements',
  ],
  '30,000 nested lists': [message(times(30_000, hex('6c00000001'))), 'too_deep'],
  '100,000 nested tuples': [message(times(100_000, hex('6801'))), 'too_deep'],
  '50,000 nested maps': [message(times(50_000, hex('7400000001'))), 'too_deep'],
  '65 nested tuples': [message(times(65, hex('6801')), hex('6a')), 'too_deep'],
  'a zip bomb that declares 4 GB': [zipped(Buffer.alloc(100_000), 0xffff_ffff), 'inflated_too_large'],
  'a zip bomb that declares its 100 MB': [zipped(binary(Buffer.alloc(100_000_000))), 'inflated_too_large'],
  'a zip bomb that lies': [zipped(binary(Buffer.alloc(100_000_000)), 1_000), 'bad_compression'],
  'a zip bomb that lies, just below the limit': [
    zipped(binary(Buffer.alloc(100_000_000)), 1_048_576),
    'bad_compression',
  ],
  'a compressed term smaller than declared': [zipped(hex('6101'), 3), 'bad_compression'],
  'a compressed term of no bytes': [zipped(Buffer.alloc(0)), 'bad_compression'],
  'bytes after a compressed term': [Buffer.concat([zipped(hex('6101')), hex('00')]), 'bad_compression'],
  'bytes after the term that was compressed': [zipped(hex('610100')), 'trailing_bytes'],
  'compressed rubbish': [hex('83 50 00000010 0102030405'), 'bad_compression'],
  'a compressed term without its size': [hex('83 50 0000'), 'truncated'],
  'a compressed compressed term': [zipped(zipped(hex('6101')).subarray(1)), 'unknown_tag'],
  'a Latin-1 atom of 256 characters': [message(hex('64 0100'), Buffer.alloc(256, 'a')), 'bad_atom'],
  'a UTF-8 atom of 256 characters': [message(hex('76 0200'), times(256, Buffer.from('я'))), 'bad_atom'],
  'an atom of half a character': [message(smallAtom(hex('d1'))), 'bad_atom'],
  'an atom of an overlong character': [message(smallAtom(hex('c080'))), 'bad_atom'],
  'an atom of a surrogate': [message(smallAtom(hex('eda080'))), 'bad_atom'],
  'an empty list with a tail': [hex('83 6c00000000 6101'), 'bad_list'],
  'a float that is no number': [hex('83 46 7ff8000000000000'), 'bad_float'],
  'an infinite float': [hex('83 46 fff0000000000000'), 'bad_float'],
  'a float of old text that is no number': [message(hex('63'), Buffer.alloc(31, 'x')), 'bad_float'],
  'a float of old text beyond all floats': [
    message(hex('63'), Buffer.from('1.0e999'.padEnd(31, '\0'))),
    'bad_float',
  ],
  'a bit string of 9 bits a byte': [hex('83 4d 00000001 09 ff'), 'bad_bit_string'],
  'a bit string that uses no bit of a byte': [hex('83 4d 00000001 00 ff'), 'bad_bit_string'],
  'a pid whose node is an integer': [hex('83 58 6101 000000000000000000000000'), 'bad_atom'],
  'a reference of 6 words': [hex('83 5a 0006 640001 61 00000000'), 'bad_reference'],
  'a fun whose size is wrong': [
    hex(
      `83 70 00000040 00 ${'00'.repeat(16)} 00000000 00000000 64000161 6100 6100 67 64000161 000000000000000000`,
    ),
    'bad_fun',
  ],
  'an export whose arity is an atom': [hex('83 71 64000161 64000162 64000163'), 'bad_fun'],
  'a map with a key twice': [hex('83 7400000002 6101 6a 6101 6a'), 'duplicate_key'],
  'a map with a key in two encodings': [hex('83 7400000002 6101 6a 6e0100 01 6a'), 'duplicate_key'],
  'a map with an atom in two encodings': [hex('83 7400000002 64000161 6a 770161 6a'), 'duplicate_key'],
  'a map with a list in two encodings': [
    hex('83 7400000002 6c000000026101 61026a 6a 6b00020102 6a'),
    'duplicate_key',
  ],
  'a map with a map in two orders': [
    hex('83 7400000002 74000000026101610261036104 6a 74000000026103610461016102 6a'),
    'duplicate_key',
  ],
  'a map with a key twice, in a key of a map': [
    hex('83 7400000002 6803 6101 6102 7400000002610161016101 6101 6a 6102 6a'),
    'duplicate_key',
  ],
  'a map with a key twice, in the value of a map': [
    hex('83 7400000001 6101 6801 7400000002 6101 6a 6101 6a'),
    'duplicate_key',
  ],
  '32,000 keys, the last one twice': [
    message(
      map(
        32_000,
        many(32_000, (i) => Buffer.concat([integer(Math.min(i, 31_998)), hex('6a')])),
      ),
    ),
    'duplicate_key',
  ],
};

/** The most expensive messages that are allowed. */
export const accepted: Readonly<Record<string, Uint8Array>> = {
  '65,536 elements': message(list(65_536, times(65_536, hex('6a')))),
  '65,536 binaries': message(list(43_000, times(43_000, hex('6d0000000161')))),
  '64 nested tuples': message(times(64, hex('6801')), hex('6a')),
  'a list in 30,000 pieces, each the tail of the other': message(
    times(30_000, hex('6c00000001 6a')),
    hex('6a'),
  ),
  'a term that inflates to the limit': zipped(binary(Buffer.alloc(1_048_571))),
  '65,536 elements that inflate': zipped(list(65_536, times(65_536, hex('6d0000000162')))),
  'an integer of 256 KB': message(hex('6f 0003fff0 01'), Buffer.alloc(262_128, 0xa5)),
  'an integer of 1 MiB': zipped(Buffer.concat([hex('6f 000fff00 00'), Buffer.alloc(1_048_320, 0x5a)])),
  '50,000 integers of 16 bytes': zipped(list(50_000, times(50_000, hex(`6e1001${'c3'.repeat(16)}`)))),
  '7,000 integers of 140 bytes': zipped(list(7_000, times(7_000, hex(`6e8c01${'c3'.repeat(140)}`)))),
  '32,768 old floats near the largest': zipped(
    list(32_700, times(32_700, Buffer.from(`c1.7976931348623157e308`.padEnd(32, '\0')))),
  ),
  '65,000 atoms of all kinds': zipped(
    list(
      65_000,
      many(65_000, (i) => smallAtom(Buffer.from(`a${i}я`))),
    ),
  ),
  '1,000 atoms of 255 characters of 4 bytes': zipped(
    list(1_000, times(1_000, Buffer.concat([hex('7603fc'), times(255, Buffer.from('😀'))]))),
  ),
  'a map of 32,000 integers': message(
    map(
      32_000,
      many(32_000, (i) => Buffer.concat([integer(i), hex('6a')])),
    ),
  ),
  // Integers in the same bucket of a hash table that does not mix their bits.
  'a map of 32,000 multiples of 65,536': message(
    map(
      32_000,
      many(32_000, (i) => Buffer.concat([integer(i * 65_536), hex('6a')])),
    ),
  ),
  'a map of 30,000 large integers': zipped(
    map(
      30_000,
      many(30_000, (i) => Buffer.concat([hex('6e0c00 ffffffffffffffff'), uint32(i + 1), hex('6a')])),
    ),
  ),
  'a map of 32,000 floats': zipped(
    map(
      32_000,
      many(32_000, (i) => Buffer.concat([hex('46 3ff12345'), uint32(i * 77_777), hex('6a')])),
    ),
  ),
  'a map of 32,000 binaries alike but for their end': zipped(
    map(
      32_000,
      many(32_000, (i) => Buffer.concat([binary(Buffer.from(`aaaaaaaaaaaa${i}`)), hex('6a')])),
    ),
  ),
  'maps as the first key of maps, 60 deep, around 50,000 elements': message(
    nested(
      60,
      (inner) => map(2, Buffer.concat([inner, hex('6a 6101 6a')])),
      list(50_000, times(50_000, hex('6101'))),
    ),
  ),
  'maps as a value of maps, 60 deep, around 60,000 elements': message(
    nested(
      60,
      (inner) => map(2, Buffer.concat([hex('6101'), inner, hex('6102 6a')])),
      list(60_000, times(60_000, hex('6101'))),
    ),
  ),
  '13,000 small maps': message(list(13_000, times(13_000, hex('7400000002 6101 6a 6102 6a')))),
  'a map with 4 keys of 60,000 bytes alike but for their end': message(
    map(
      4,
      many(4, (i) => Buffer.concat([binary(Buffer.concat([Buffer.alloc(60_000), Buffer.of(i)])), hex('6a')])),
    ),
  ),
};
