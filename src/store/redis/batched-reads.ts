import { Batcher } from './batcher.ts';
import type { Database } from './database.ts';
import { Fault } from './fault.ts';
import { traced, withRetryUntraced } from './retry.ts';

/**
 * What was read of one key: bytes, `null` where there is none, 0 where it holds something else. Another number is the length of
 * a field, or the size of a profile that is so large that it is to be read without a script.
 */
export type Value = Buffer | null | number;

/** Text where it can be: ioredis writes a command without any Buffer several times faster. */
type Field = Buffer | string;

/** Makes the result of a read out of its values, which start at `at`. */
type Make<T> = (values: readonly Value[], at: number) => T;

/** What a request reads: a letter for each key. */
interface Read {
  readonly kinds: string;
  readonly keys: readonly string[];
  /** One for each `d` and `l`, which come last. */
  readonly fields: readonly Field[];
  readonly take: (values: readonly Value[], at: number) => void;
  readonly reject: (error: unknown) => void;
}

const none: readonly Field[] = [];

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
   * @param kinds - a letter for each key: `s` a session, `p` a profile, `d` the record of a done request,
   *   `l` the length of a field. Those with fields come last.
   * @param fields - for each `d` the field of its record, for each `l` the field.
   * @throws Fault when one of the keys does not hold what it should.
   */
  read<T>(
    kinds: string,
    keys: readonly string[],
    make: Make<T | Promise<T>>,
    fields: readonly Field[] = none,
  ): Promise<T> {
    return traced('read', () => this.#read(kinds, keys, make, fields));
  }

  #read<T>(
    kinds: string,
    keys: readonly string[],
    make: Make<T | Promise<T>>,
    fields: readonly Field[],
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
    const fields: Field[] = [];
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
    const firstField = keys.length - fields.length;
    const each = keys.map((key, index) => {
      const field = index < firstField ? none : [fields[index - firstField] ?? ''];
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
