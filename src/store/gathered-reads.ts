import { redisCalls } from './calls.ts';
import { Fault } from './fault.ts';
import { type Database, repeat } from './redis.ts';

/** What was read of one key: bytes, `null` where there is none, 0 where it holds something else. */
type Value = Buffer | null | 0;

/** Makes the result of a read out of its values, which start at `at`. */
type Make<T> = (values: readonly Value[], at: number) => T;

/** What is read with one command. */
class Batch {
  kinds = '';
  readonly keys: string[] = [];
  readonly reads: {
    readonly take: (values: readonly Value[]) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
}

/** So many keys are read by one command, which holds up Redis for well below a millisecond. */
const mostKeys = 256;

/**
 * Reads the keys that requests need. What is asked for in one turn of the event loop goes to Redis as one command, since
 * commands cost a worker more than keys do. On a Cluster, where keys lie on several servers, it is a command a key.
 */
export class GatheredReads {
  readonly #redis: Database;
  #next = new Batch();

  constructor(redis: Database) {
    this.#redis = redis;
  }

  /**
   * @param kinds - a letter for each key: `s` a session, `p` a profile, `d` the record of a done request.
   * @throws Fault when one of the keys does not hold what it should.
   */
  read<T>(kinds: string, keys: readonly string[], make: Make<T | Promise<T>>): Promise<T> {
    const { trace } = redisCalls;
    if (trace === undefined) return this.#gather(kinds, keys, make);
    return trace('read', () => this.#gather(kinds, keys, make));
  }

  #gather<T>(kinds: string, keys: readonly string[], make: Make<T | Promise<T>>): Promise<T> {
    const batch = this.#next;
    const at = batch.keys.length;
    if (at === 0) setImmediate(this.#send, batch);
    batch.kinds += kinds;
    batch.keys.push(...keys);
    if (batch.keys.length >= mostKeys) this.#next = new Batch();
    return new Promise((resolve, reject) => {
      batch.reads.push({ take: (values) => resolve(make(values, at)), reject });
    });
  }

  readonly #send = (batch: Batch): void => {
    if (batch === this.#next) this.#next = new Batch();
    this.#values(batch).then(
      (values) => handOut(values, batch),
      (error) => {
        for (const { reject } of batch.reads) reject(error);
      },
    );
  };

  async #values({ kinds, keys }: Batch): Promise<Value[]> {
    const { readGathered, isCluster } = this.#redis;
    if (!isCluster) return (await repeat(() => readGathered(keys, kinds))) as Value[];
    const each = keys.map((key, place) => repeat(() => readGathered([key], kinds[place] ?? '')));
    return (await Promise.all(each)).flat() as Value[];
  }
}

/** A key that holds something else harms only the request that it belongs to. */
function handOut(values: readonly Value[], { reads }: Batch): void {
  for (const { take, reject } of reads) {
    try {
      take(values);
    } catch (error) {
      reject(error);
    }
  }
}

/** What one key holds. @throws Fault if that is something else than it should. */
export function bytesOf(value: Value | undefined): Buffer | undefined {
  if (value === 0) throw new Fault('redis: WRONGTYPE');
  return value ?? undefined;
}
