import { redisCalls } from './calls.ts';
import { Fault } from './fault.ts';
import { type Database, repeat } from './redis.ts';

/** What was read of one key; `null` where there is none. */
type Value = Buffer | null;

interface Read {
  readonly kinds: string;
  readonly keys: readonly string[];
  readonly resolve: (values: Value[]) => void;
  readonly reject: (error: unknown) => void;
}

/** So many keys are read by one command, which holds up Redis for well below a millisecond. */
const mostKeys = 256;

/**
 * Reads the keys that requests need. What is asked for in one turn of the event loop goes to Redis as one command, since
 * commands cost a worker more than keys do. On a Cluster, where keys lie on several servers, it is a command a key.
 */
export class GatheredReads {
  readonly #redis: Database;
  #reads: Read[] = [];
  #keys = 0;

  constructor(redis: Database) {
    this.#redis = redis;
  }

  /**
   * @param kinds - a letter for each key: `s` a session, `p` a profile, `d` the record of a done request.
   * @returns a value for each key.
   * @throws Fault when one of the keys does not hold what it should.
   */
  read(kinds: string, keys: readonly string[]): Promise<Value[]> {
    const { trace } = redisCalls;
    return trace === undefined ? this.#gather(kinds, keys) : trace('read', () => this.#gather(kinds, keys));
  }

  #gather(kinds: string, keys: readonly string[]): Promise<Value[]> {
    return new Promise((resolve, reject) => {
      if (this.#reads.length === 0) setImmediate(this.#send);
      this.#reads.push({ kinds, keys, resolve, reject });
      this.#keys += keys.length;
      if (this.#keys >= mostKeys) this.#send();
    });
  }

  readonly #send = (): void => {
    const reads = this.#reads;
    if (reads.length === 0) return;
    this.#reads = [];
    this.#keys = 0;
    const keys = reads.flatMap((read) => read.keys);
    const kinds = reads.map((read) => read.kinds).join('');
    this.#values(kinds, keys).then(
      (values) => handOut(values, reads),
      (error) => {
        for (const { reject } of reads) reject(error);
      },
    );
  };

  async #values(kinds: string, keys: readonly string[]): Promise<unknown[]> {
    const { readGathered, isCluster } = this.#redis;
    if (!isCluster) return repeat(() => readGathered(keys, kinds));
    const each = keys.map((key, place) => repeat(() => readGathered([key], kinds[place] ?? '')));
    return (await Promise.all(each)).flat();
  }
}

/** A key that holds something else harms only the request that it belongs to. */
function handOut(values: readonly unknown[], reads: readonly Read[]): void {
  let from = 0;
  for (const { keys, resolve, reject } of reads) {
    const own = values.slice(from, from + keys.length);
    from += keys.length;
    if (own.every(isValue)) resolve(own);
    else reject(new Fault('redis: WRONGTYPE'));
  }
}

function isValue(value: unknown): value is Value {
  return value === null || value instanceof Buffer;
}
