import { EtfTextError, encodeFragment, type Fragment, parse } from '../../etf/index.ts';
import type { ByteSource } from './byte-source.ts';
import { DumpFault, type DumpTerm, maxTermBytes } from './term.ts';
import { TextSplitter } from './text-splitter.ts';

export type Encoding = 'utf-8' | 'latin-1';

/** Four characters for a byte of a term are what `io:format("~w.~n")` writes at most. */
const maxTextBytes = 4 * maxTermBytes;

/**
 * The terms of a file that `file:consult` reads: each ends with a dot. A list stands for its elements.
 * A term that can't be read fails alone: the next one begins behind the next dot.
 * @param encoding - as `file:consult` has it: that of the file's first lines (`%% coding: latin-1`), else UTF-8.
 * @throws DumpFault for a term that is too long.
 */
export async function* textTerms(source: ByteSource, encoding?: Encoding): AsyncGenerator<DumpTerm> {
  await source.fill(BOM.length);
  if (source.bytes.subarray(0, BOM.length).equals(BOM)) source.take(BOM.length);
  await source.fill(HEAD_BYTES);
  const decoder = decoderOf(encoding ?? encodingIn(source.bytes.subarray(0, HEAD_BYTES)));
  const splitter = new TextSplitter();
  for (;;) {
    const line = splitter.line;
    const end = await nextEnd(source, splitter);
    const text = source.take(end);
    const isInList = splitter.isInList;
    if (splitter.isPart) yield termOf(text, line, decoder);
    splitter.next(text);
    if (!splitter.isOver) continue;
    if (isInList) throw new DumpFault(`line ${splitter.line}`, 'the file ends in a list');
    return;
  }
}

/** Where the term ends that is to be taken next. */
async function nextEnd(source: ByteSource, splitter: TextSplitter): Promise<number> {
  const { line } = splitter;
  for (;;) {
    const end = splitter.find(source.bytes);
    if (end !== undefined) return end;
    const held = source.bytes.length;
    if (held > maxTextBytes)
      throw new DumpFault(`line ${line}`, `no term ends within ${maxTextBytes / 2 ** 20} MiB from here`);
    if (!(await source.fill(held + 1))) return splitter.finish(source.bytes);
  }
}

const BOM = Buffer.of(0xef, 0xbb, 0xbf);
const HEAD_BYTES = 512;

function encodingIn(head: Buffer): Encoding {
  const lines = head.toString('latin1').split('\n').slice(0, 2);
  return lines.some((line) => /^\s*%.*coding[:=]\s*latin-1/i.test(line)) ? 'latin-1' : 'utf-8';
}

type Decoder = (bytes: Uint8Array) => string;

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decoderOf(encoding: Encoding): Decoder {
  if (encoding === 'latin-1') return (bytes) => Buffer.from(bytes).toString('latin1');
  return (bytes) => {
    try {
      return utf8.decode(bytes);
    } catch {
      throw new Error('this is no UTF-8; if Erlang wrote the file without it, say --encoding latin-1');
    }
  };
}

/** The lines of white space and comments before a term. */
function linesBefore(text: Buffer): number {
  return (blank.exec(text.toString('latin1', 0, 64 * HEAD_BYTES))?.[0].split('\n').length ?? 1) - 1;
}

const blank = /^(?:\s|%[^\n]*\n?)*/;
const head = /^(?:\s|%[^\n]*\n?)*\{\s*(?:'([^'\\]*)'|([a-z][\w@]*))\s*,/;

/** @param line - on which the text begins, blanks and comments before the term included. */
function termOf(text: Buffer, line: number, decoder: Decoder): DumpTerm {
  const found = head.exec(text.toString('latin1', 0, 4 * HEAD_BYTES));
  const read = (): Fragment => {
    try {
      return encodeFragment(parse(decoder(text)));
    } catch (error) {
      if (!(error instanceof EtfTextError)) throw error;
      const [, rule = ''] = error.message.split(/: (.*)/s);
      throw new Error(`line ${line + error.line - 1}, column ${error.column}: ${rule}`);
    }
  };
  return { at: `line ${line + linesBefore(text)}`, name: found?.[1] ?? found?.[2], read };
}
