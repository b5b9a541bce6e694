import { createRequire } from 'node:module';
import { decode, elementOffsets, encode, openMessage, type Term } from '../../../src/etf/index.ts';

/** A measured codec: `encode` takes what `decode` returns. */
export interface Codec {
  decode(message: Buffer): unknown;
  encode?(value: unknown): Uint8Array;
}

const require = createRequire(import.meta.url);

const ours = (): Codec => ({ decode, encode: (value) => encode(value as Term) });

/** The worker's work with a request: checks all of it and finds the elements of the tuple, but decodes nothing. */
const oursFragments = (): Codec => {
  const offsets = new Int32Array(16);
  return { decode: (message) => elementOffsets(openMessage(message), 0, offsets) };
};

type Callback = (error: Error | undefined, value: never) => void;
interface ErlangJs {
  binary_to_term(message: Buffer, callback: Callback): void;
  term_to_binary(term: unknown, callback: Callback): void;
}

/** Its callbacks are called before it returns. */
const erlangJs = (): Codec => {
  const { Erlang } = require('erlang_js') as { Erlang: ErlangJs };
  const result = (start: (callback: Callback) => void): unknown => {
    let value: unknown;
    start((error, given) => {
      if (error !== undefined) throw error;
      value = given;
    });
    return value;
  };
  return {
    decode: (message) => result((callback) => Erlang.binary_to_term(message, callback)),
    encode: (term) => result((callback) => Erlang.term_to_binary(term, callback)) as Buffer,
  };
};

const erlpack = (): Codec => {
  const { pack, unpack } = require('erlpack') as {
    pack(value: unknown): Buffer;
    unpack(message: Buffer): unknown;
  };
  return { decode: unpack, encode: pack };
};

interface TermParser {
  write(bytes: Buffer): void;
  read(): unknown;
}

/** A stream of terms without their 131, shared by all of them; it has no encoder. */
const erlangTermFormat = (): Codec => {
  const Parser = require('erlang-term-format') as new () => TermParser;
  const parser = new Parser();
  return {
    decode(message) {
      parser.write(message.subarray(1));
      return parser.read();
    },
  };
};

/** Every codec that runs in Node, made on demand: only then must its package be installed. */
export const codecs: Readonly<Record<string, () => Codec>> = {
  'src/etf': ours,
  'src/etf, fragments': oursFragments,
  erlang_js: erlangJs,
  erlpack,
  'erlang-term-format': erlangTermFormat,
};
