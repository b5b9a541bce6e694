import { createInflate } from 'node:zlib';
import { atomName, EtfError, termEnd, tupleArity } from '../../etf/index.ts';
import { ByteSource } from './byte-source.ts';
import { DumpFault, type DumpTerm, dumpLimits, maxTermBytes } from './term.ts';

/**
 * The terms of a file in the External Term Format: messages one behind the other, each as `term_to_binary` writes it, also
 * compressed, with or without its length in 4 bytes before it. A list stands for its elements, lists in it too.
 * @throws DumpFault where the bytes are no terms: nothing says where the next one begins.
 */
export async function* etfTerms(source: ByteSource): AsyncGenerator<DumpTerm> {
  const hasLengths = startsWithLength(source.bytes);
  while (await source.fill(1)) {
    if (hasLengths && !(await source.fill(LENGTH_BYTES))) fail(source, 'the file ends in a length');
    if (hasLengths) source.take(LENGTH_BYTES);
    if (!(await source.fill(2)) || source.bytes[0] !== VERSION) fail(source, 'no term begins here');
    source.take(1);
    if (source.bytes.at(0) !== COMPRESSED) yield* elements(source, '');
    else yield* compressed(source);
  }
}

/** A length in 4 bytes stands before the first term. */
export function startsWithLength(bytes: Uint8Array): boolean {
  return (bytes[0] ?? VERSION) < FIRST_TEXT_BYTE && bytes[LENGTH_BYTES] === VERSION;
}

const VERSION = 131;
const COMPRESSED = 80;
const LENGTH_BYTES = 4;
/** Text begins with no byte below a tab. */
const FIRST_TEXT_BYTE = 9;
const COMPRESSED_HEAD = 5;
const LIST_EXT = 108;
const NIL_EXT = 106;
/** Most tables in tables. */
const deepest = 8;

async function* compressed(source: ByteSource): AsyncGenerator<DumpTerm> {
  const at = source.offset;
  if (!(await source.fill(COMPRESSED_HEAD))) fail(source, 'the file ends in this term');
  source.take(COMPRESSED_HEAD);
  const inner = new ByteSource(inflated(source));
  try {
    yield* elements(inner, ` of the compressed term at byte ${at}`);
  } catch (error) {
    if (error instanceof DumpFault) throw error;
    throw new DumpFault(`byte ${at}`, 'the compressed term cannot be inflated');
  }
  if (await inner.fill(1)) throw new DumpFault(`byte ${at}`, 'the compressed term ends before its bytes do');
}

/** What a zlib stream inflates to. What was taken behind its end is put back. */
async function* inflated(source: ByteSource): AsyncGenerator<Buffer> {
  const inflate = createInflate();
  const out = inflate[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let isOver = false;
  const feed = async (): Promise<void> => {
    let written = 0;
    while (!isOver && (await source.fill(1))) {
      const piece = source.take(source.bytes.length);
      written += piece.length;
      await new Promise<void>((resolve) => inflate.write(piece, () => resolve()));
      if (inflate.bytesWritten < written) {
        source.putBack(written - inflate.bytesWritten);
        break;
      }
    }
    inflate.end();
  };
  const fed = feed();
  try {
    for (;;) {
      const { value, done } = await out.next();
      if (done) break;
      yield value;
    }
  } finally {
    isOver = true;
    inflate.destroy();
    await fed;
  }
}

/** The term that begins here, or the elements of a list. */
async function* elements(source: ByteSource, place: string): AsyncGenerator<DumpTerm> {
  /** How many elements each open list still has. */
  const open: number[] = [];
  for (;;) {
    if (open.at(-1) === 0) {
      if (await closesList(source)) open.pop();
      else if (source.bytes[0] === LIST_EXT) open[open.length - 1] = await openList(source);
      else fail(source, 'a list ends with a term that is no list', place);
    } else if (open.length < deepest && (await source.fill(1)) && source.bytes[0] === LIST_EXT) {
      if (open.length > 0) open.push((open.pop() ?? 0) - 1);
      open.push(await openList(source));
      continue;
    } else {
      yield await nextTerm(source, place);
      if (open.length > 0) open.push((open.pop() ?? 0) - 1);
    }
    if (open.length === 0) return;
  }
}

async function openList(source: ByteSource): Promise<number> {
  if (!(await source.fill(5))) fail(source, 'the file ends in this list');
  return source.take(5).readUInt32BE(1);
}

async function closesList(source: ByteSource): Promise<boolean> {
  if (!(await source.fill(1))) fail(source, 'the file ends in a list');
  if (source.bytes[0] !== NIL_EXT) return false;
  source.take(1);
  return true;
}

const FIRST_FILL = 65_536;

/** Most terms are whole in what is held; for others more is read, twice as much each time. */
async function nextTerm(source: ByteSource, place: string): Promise<DumpTerm> {
  const at = `byte ${source.offset}${place}`;
  for (let size = FIRST_FILL; ; size *= 2) {
    const isMore = await source.fill(Math.min(size, maxTermBytes + 1));
    try {
      const end = termEnd(source.bytes, 0, dumpLimits);
      if (end > maxTermBytes) fail(source, tooLong, place);
      const fragment = source.take(end);
      return { at, name: nameOf(fragment), read: () => fragment };
    } catch (error) {
      if (!(error instanceof EtfError)) throw error;
      if (error.reason !== 'truncated') throw new DumpFault(at, `this is no term: ${error.message} of it`);
      if (!isMore) fail(source, 'the file ends in this term', place);
      if (size > maxTermBytes) fail(source, tooLong, place);
    }
  }
}

const tooLong = `the term has more than ${maxTermBytes / 2 ** 20} MiB`;

function nameOf(fragment: Uint8Array): string | undefined {
  const first = tupleArity(fragment) < 1 ? 0 : fragment[0] === SMALL_TUPLE_EXT ? 2 : 5;
  return first > 0 && atomTags.has(fragment[first] ?? 0) ? atomName(fragment, first) : undefined;
}

const SMALL_TUPLE_EXT = 104;
const atomTags: ReadonlySet<number> = new Set([100, 115, 118, 119]);

function fail(source: ByteSource, reason: string, place = ''): never {
  throw new DumpFault(`byte ${source.offset}${place}`, reason);
}
