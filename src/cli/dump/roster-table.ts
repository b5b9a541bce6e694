import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fragment } from '../../etf/index.ts';

/**
 * The old store's table of rosters, by id, in a file that has no name: it goes with the process, however that ends.
 * In memory there is the place of each, some 100 bytes.
 */
export class RosterTable {
  readonly #file: FileHandle;
  /** Id → the offset in the file; negative, and one less, once it was asked for. */
  readonly #places = new Map<string, number>();
  #unwritten: Buffer[] = [];
  #unwrittenBytes = 0;
  #end = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** The file lies in TMPDIR. */
  static async open(): Promise<RosterTable> {
    const folder = await mkdtemp(join(tmpdir(), 'profilectl-'));
    const file = await open(join(folder, 'rosters'), 'wx+', 0o600);
    await rm(folder, { recursive: true });
    return new RosterTable(file);
  }

  get size(): number {
    return this.#places.size;
  }

  /** How many were never asked for. */
  get unused(): number {
    let count = 0;
    for (const place of this.#places.values()) if (place >= 0) count++;
    return count;
  }

  /** Add a roster. Of two with one id the later one counts. @returns whether the id is new. */
  async add(id: string, fragment: Fragment): Promise<boolean> {
    const isNew = !this.#places.has(id);
    this.#places.set(id, this.#end);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(fragment.length);
    this.#unwritten.push(length, Buffer.from(fragment));
    this.#unwrittenBytes += LENGTH_BYTES + fragment.length;
    this.#end += LENGTH_BYTES + fragment.length;
    if (this.#unwrittenBytes >= WRITE_BYTES) await this.flush();
    return isNew;
  }

  /** Write what `add` has held back, before the first `get`. */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#unwritten);
    this.#unwritten = [];
    this.#unwrittenBytes = 0;
    await this.#file.write(bytes, 0, bytes.length, this.#end - bytes.length);
  }

  async get(id: string): Promise<Fragment | undefined> {
    const place = this.#places.get(id);
    if (place === undefined) return undefined;
    const offset = place < 0 ? -place - 1 : place;
    this.#places.set(id, -offset - 1);
    const first = Buffer.alloc(Math.min(READ_BYTES, this.#end - offset));
    await this.#file.read(first, 0, first.length, offset);
    const length = first.readUInt32BE();
    if (length <= first.length - LENGTH_BYTES) return first.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    const all = Buffer.alloc(length);
    await this.#file.read(all, 0, length, offset + LENGTH_BYTES);
    return all;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const LENGTH_BYTES = 4;
const WRITE_BYTES = 2 ** 20;
const READ_BYTES = 8_192;
