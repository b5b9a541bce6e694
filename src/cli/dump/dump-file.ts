import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { unreadable } from '../files.ts';
import { ByteSource } from './byte-source.ts';
import { etfTerms, startsWithLength } from './etf-terms.ts';
import type { DumpTerm } from './term.ts';
import { type Encoding, textTerms } from './text-terms.ts';

/** A file that Erlang wrote. It is read by pieces, and may be larger than memory. */
export interface DumpFile {
  readonly path: string;
  readonly bytes: number;
  /**
   * @param onRead - hears of each piece that is read, its bytes.
   * @throws DumpFault when the rest of the file can't be read.
   */
  terms(onRead: (bytes: number) => void): AsyncGenerator<DumpTerm>;
}

const PIECE_BYTES = 2 ** 20;
const ETF_VERSION = 131;

/**
 * @param encoding - of text; default what the file says.
 * @throws CliFault for what is no readable file.
 */
export async function openDump(path: string, encoding?: Encoding): Promise<DumpFile> {
  const { size } = await stat(path).catch((error: unknown) => unreadable(path, error));
  async function* pieces(onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
    try {
      for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
        onRead((piece as Buffer).length);
        yield piece as Buffer;
      }
    } catch (error) {
      unreadable(path, error);
    }
  }
  return {
    path,
    bytes: size,
    async *terms(onRead) {
      const source = new ByteSource(pieces(onRead));
      await source.fill(5);
      const isEtf = source.bytes[0] === ETF_VERSION || startsWithLength(source.bytes);
      yield* isEtf ? etfTerms(source) : textTerms(source, encoding);
    },
  };
}
