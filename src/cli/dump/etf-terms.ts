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
const LIST_HEAD = 5;
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
    if (await inner.fill(1))
      throw new DumpFault(`byte ${at}`, 'the compressed term ends before its bytes do');
  } catch (error) {
    if (error instanceof DumpFault || !isZlibError(error)) throw error;
    throw new DumpFault(`byte ${at}`, 'the compressed term cannot be inflated');
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && /^Z_|^ERR_ZLIB/.test((error as NodeJS.ErrnoException).code ?? '');
}

/** What a zlib stream inflates to. What was taken behind its end is put back. */
async function* inflated(source: ByteSource): AsyncGenerator<Buffer> {
  const inflate = createInflate();
  const out = inflate[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const closed = new Promise<void>((resolve) => inflate.once('close', resolve));
  let isOver = false;
  const feed = async (): Promise<void> => {
    let written = 0;
    while (!isOver && (await source.fill(1))) {
      const piece = source.take(source.bytes.length);
      written += piece.length;
      // What is written after a fault is never done.
      await Promise.race([new Promise<void>((resolve) => inflate.write(piece, () => resolve())), closed]);
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
  const isTaken = () => {
    if (open.length > 0) open.push((open.pop() ?? 0) - 1);
  };
  do {
    await source.fill(1);
    const isList = source.bytes[0] === LIST_EXT;
    const isEmptyList = source.bytes[0] === NIL_EXT;
    if (open.at(-1) === 0) {
      if (isEmptyList) open.pop();
      else if (!isList) fail(source, 'a list ends here without its end', place);
      if (isList) open[open.length - 1] = await openList(source, place);
      else source.take(1);
    } else if (isEmptyList) {
      source.take(1);
      isTaken();
    } else if (isList && open.length < deepest) {
      isTaken();
      open.push(await openList(source, place));
    } else {
      yield await nextTerm(source, place);
      isTaken();
    }
  } while (open.length > 0);
}

async function openList(source: ByteSource, place: string): Promise<number> {
  if (!(await source.fill(LIST_HEAD))) fail(source, 'the file ends in this list', place);
  return source.take(LIST_HEAD).readUInt32BE(1);
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
