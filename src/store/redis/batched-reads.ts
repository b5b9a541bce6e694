import { Batcher } from './batcher.ts';
import type { Database } from './database.ts';
import { Fault } from './fault.ts';
import { traced, withRetryUntraced } from './retry.ts';

/**
 * What was read of one key: bytes, `null` where there is none, 0 where it holds something else; another number is the size of
 * a profile that is so large that it is to be read without a script.
 */
export type Value = Buffer | null | number;

/** Makes the result of a read out of its values, which start at `at`. */
type Make<T> = (values: readonly Value[], at: number) => T;

/** What a request reads: a letter for each key. */
interface Read {
  readonly kinds: string;
  readonly keys: readonly string[];
  /** One for each `d`. */
  readonly fields: readonly Buffer[];
  readonly take: (values: readonly Value[], at: number) => void;
  readonly reject: (error: unknown) => void;
}

const none: readonly Buffer[] = [];
const noField = Buffer.alloc(0);

/** So many are read by one command, which holds up Redis for well below a millisecond. */
const maxReads = 64;

/** Reads the keys that requests need, many by one command; on a Cluster, where keys lie on several servers, each by its own. */
export class BatchedReads {
  readonly #redis: Database;
  readonly #reads: Batcher<Read>;

  constructor(redis: Database) {
    this.#redis = redis;
    this.#reads = new Batcher((reads) => this.#send(reads), maxReads);
  }

  /**
   * @param kinds - a letter for each key: `s` a session, `p` a profile, `d` the record of a done request.
   * @param fields - for each `d` the field of its record.
   * @throws Fault when one of the keys does not hold what it should.
   */
  read<T>(
    kinds: string,
    keys: readonly string[],
    make: Make<T | Promise<T>>,
    fields: readonly Buffer[] = none,
  ): Promise<T> {
    return traced('read', () => this.#read(kinds, keys, make, fields));
  }

  #read<T>(
    kinds: string,
    keys: readonly string[],
    make: Make<T | Promise<T>>,
    fields: readonly Buffer[],
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const take = (values: readonly Value[], at: number) => resolve(make(values, at));
      const read = { kinds, keys, fields, take, reject };
      if (this.#redis.isCluster) void this.#readEach(read);
      else this.#reads.add(read);
    });
  }

  async #send(reads: readonly Read[]): Promise<void> {
    const keys: string[] = [];
    const fields: Buffer[] = [];
    let kinds = '';
    for (const read of reads) {
      keys.push(...read.keys);
      fields.push(...read.fields);
      kinds += read.kinds;
    }
    try {
      const values = (await withRetryUntraced(() => this.#redis.readBatch(keys, kinds, fields))) as Value[];
      let at = 0;
      for (const read of reads) {
        handOut(read, values, at);
        at += read.keys.length;
      }
    } catch (error) {
      for (const { reject } of reads) reject(error);
    }
  }

  async #readEach(read: Read): Promise<void> {
    const { keys, kinds, fields, reject } = read;
    const each = keys.map((key, index) => {
      const field = kinds[index] === 'd' ? [fields[index - kinds.indexOf('d')] ?? noField] : none;
      return withRetryUntraced(() => this.#redis.readBatch([key], kinds[index] ?? '', field));
    });
    try {
      handOut(read, (await Promise.all(each)).flat() as Value[], 0);
    } catch (error) {
      reject(error);
    }
  }
}

/** A key that holds something else harms only the request that it belongs to. */
function handOut({ take, reject }: Read, values: readonly Value[], at: number): void {
  try {
    take(values, at);
  } catch (error) {
    reject(error);
  }
}

/** What one key holds. @throws Fault if that is something else than it should. */
export function bytesOf(value: Value | undefined): Buffer | undefined {
  if (typeof value === 'number') throw new Fault('redis: WRONGTYPE');
  return value ?? undefined;
}
