/** The fuzz targets: each reads any bytes. */

import { defaultLimits } from '../../src/etf/errors.ts';
import {
  atom,
  decode,
  EtfError,
  EtfTextError,
  encode,
  equal,
  openMessage,
  parse,
  print,
  type Term,
} from '../../src/etf/index.ts';
import { knownKinds, requestKinds } from '../../src/handlers/index.ts';
import { atOnce } from '../../src/lib/slices.ts';
import { mergeFeatures, readFeatures, settingValue } from '../../src/protocol/feature.ts';
import { writeList } from '../../src/protocol/list.ts';
import { readPhone, splitPhoneId } from '../../src/protocol/phone.ts';
import { readPresence } from '../../src/protocol/presence.ts';
import { readProfile } from '../../src/protocol/profile.ts';
import {
  contactEntries,
  friendPlaces,
  joinRosters,
  readRosters,
  resolveReferences,
} from '../../src/protocol/roster.ts';
import { addressOf, hasVerified, readServices, replaceVoxServices } from '../../src/protocol/service.ts';
import { readFormat } from '../../src/qa/formats/read.ts';
import { Broken, mustBeList, mustKeepElements } from './promises.ts';
import { samples } from './samples.ts';

export interface Target {
  /** Parts of the paths of the files whose coverage counts. */
  readonly folders: readonly string[];
  readonly seeds: readonly Buffer[];
  /** Parts of inputs that chance would hardly find. */
  readonly words: readonly Buffer[];
  /**
   * Must end in time, and may throw only what the codec may throw; so it catches that.
   * @returns further checks, outside that time. @throws Broken where one fails.
   */
  read(input: Buffer): (() => void) | undefined;
}

/** Every tag of the format, with the beginning of its contents. */
const tags = [
  70, 77, 82, 88, 89, 90, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113,
  114, 115, 116, 117, 118, 119, 120,
];
const etfWords = [
  ...tags.flatMap((tag) => [
    Buffer.of(tag),
    Buffer.of(tag, 0, 0, 0, 1),
    Buffer.of(tag, 0, 1),
    Buffer.of(tag, 1),
  ]),
  Buffer.of(131),
  Buffer.of(131, 80, 0, 0, 1, 0, 0x78, 0x9c),
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'undefined',
    'Profile',
    'Service',
    'Roster',
    'Contact',
    'Feature',
    'email',
    'verified',
  ].flatMap((name) => [encode(atom(name)).subarray(1), encode(Buffer.from(name)).subarray(1)]),
  ...requestKinds.map((kind) => encode(atom(kind)).subarray(1)),
];

const etf: Target = {
  folders: ['/src/etf/'],
  seeds: samples.map((term) => encode(term)),
  words: etfWords,
  read(input) {
    const term = readOrReason(() => decode(input));
    const opened = readOrReason(() => openMessage(input));
    if (typeof term === 'string' || typeof opened === 'string') {
      if (term !== opened) throw new Broken(`decode says ${String(term)}, openMessage ${String(opened)}`);
      return undefined;
    }
    return () => {
      const again = decode(encode(term.value), unlimited);
      if (!equal(term.value, again)) throw new Broken('what is written again is another term');
      print(term.value);
    };
  },
};

/** Small inputs, large terms: the output may be longer than the input. */
const unlimited = { ...defaultLimits, payloadBytes: 2 ** 26, inflatedBytes: 2 ** 26 };

const records: Target = {
  folders: ['/src/protocol/', '/src/etf/'],
  seeds: samples.map((term) => encode(term)),
  words: etfWords,
  read(input) {
    const sent = readProfile(input, defaultLimits, knownKinds);
    if (typeof sent === 'string') return undefined;
    if (!/^(\d{5,15})?$/.test(sent.phone)) throw new Broken('a phone that is none');
    readPhone(sent.presence);
    readPresence(sent.presence);
    const services = readServices(sent.services) ?? [];
    hasVerified(services);
    services.forEach(addressOf);
    mustBeList(writeList(replaceVoxServices(services, services)), services.length);
    const features = readFeatures(sent.settings) ?? [];
    writeList(mergeFeatures(features, features));
    const rosters = readRosters(sent.rosters) ?? [];
    const skeletons = writeList(rosters.map(({ skeleton }) => ({ fragment: skeleton })));
    const entries = atOnce(contactEntries(skeletons));
    for (const { phoneId } of entries) splitPhoneId(phoneId);
    atOnce(friendPlaces(writeList(rosters)));
    atOnce(resolveReferences(rosters, writeList(rosters)));
    for (const { fragment } of rosters.flatMap(({ contacts: of }) => of)) mustKeepElements(fragment);
    settingValue(sent.settings, 'OLD_PHONE');
    const contacts = new Map(
      rosters.flatMap(({ id, contacts: of }) =>
        of.map((one) => [`${id}:${one.phoneId}`, one.fragment] as const),
      ),
    );
    const joined = atOnce(
      joinRosters(skeletons, ({ roster: id, phoneId }) => contacts.get(`${id}:${phoneId}`)),
    );
    return () => {
      if (Buffer.compare(joined, writeList(rosters)) !== 0)
        throw new Broken('a roster taken apart and joined is another one');
    };
  },
};

const text: Target = {
  folders: ['/src/etf/'],
  seeds: [
    ...samples.map((term) => Buffer.from(print(term))),
    ...[
      '{\'Profile\',<<"380501112233">>,[],[],[],0,0,[],get}.',
      '#\'Profile\'{phone = <<"380501112233"/utf8>>, status = get} % a comment',
      '#{a => 1.5e-3, \'b c\' => [16#ff, $\\n, "x\\x{1F600}" | t], <<1:3, 2:5>> => -2#101}',
    ].map((one) => Buffer.from(one)),
  ],
  words: [
    ...[
      '{',
      '}',
      '[',
      ']',
      '|',
      '<<',
      '>>',
      '#{',
      '=>',
      "#'Profile'{",
      'phone = ',
      '16#',
      '36#zz',
      '$\\x{10FFFF}',
      '\\^a',
      '1.0e309',
      '1_000',
      '/utf8',
      ':8/integer',
      '"',
      "'",
      '%',
      '\n',
      '.',
      '__proto__',
      'undefined',
      "'\\x{d800}'",
      '-',
      '9'.repeat(40),
      '\u{1f600}',
    ],
  ].map((word) => Buffer.from(word)),
  read(input) {
    let term: Term;
    try {
      term = parse(input.toString('utf8', 0, MAX_TEXT), { records: { Profile: profileFields } });
    } catch (error) {
      if (error instanceof EtfTextError) return undefined;
      throw error;
    }
    return () => {
      if (!equal(parse(print(term)), term)) throw new Broken('what is printed reads as another term');
    };
  },
};

/** People write this text in QA: longer text is accepted too, but without a limit on the time. */
const MAX_TEXT = 65_536;

const profileFields = ['phone', 'services', 'status'].map((name) => ({ name, default: [] as Term }));

/**
 * The forms that QA sends: Erlang text, JSON, hexadecimal digits or base64; the worker decides by the first
 * characters.
 */
const forms: Target = {
  folders: ['/src/qa/formats/', '/src/etf/'],
  seeds: [
    ...text.seeds,
    ...samples
      .flatMap((term) => [encode(term).toString('hex'), encode(term).toString('base64')])
      .map((one) => Buffer.from(one)),
    ...[
      '{"request":"get","phone":"380501112233"}',
      '{"request":"set","phone":380501112233,"settings":[{"key":"__proto__","value":[1,null,{"a":1.5}]}],"rosters":[]}',
    ].map((one) => Buffer.from(one)),
  ],
  words: [
    ...text.words,
    ...[
      '"__proto__":',
      '"constructor":',
      '"request":',
      '"phone":',
      '"rosters":',
      '{"',
      '"}',
      '\\u0000',
      '\\ud800',
      '1e999',
      'null',
      'true',
      '83',
      '0x83',
      'g2gC',
      '\ufeff',
    ].map((word) => Buffer.from(word)),
  ],
  read(input) {
    const result = readFormat(input.subarray(0, MAX_TEXT), defaultLimits);
    return () => {
      if (result.message !== undefined && result.format !== 'etf') openMessage(result.message, defaultLimits);
      if (Object.keys(Object.prototype).length > 0) throw new Broken('Object.prototype was changed');
    };
  },
};

export const targets = { etf, records, text, forms } as const;

/** @throws anything that is not an `EtfError`. */
function readOrReason<T>(read: () => T): { readonly value: T } | string {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof EtfError) return error.reason;
    throw error;
  }
}
