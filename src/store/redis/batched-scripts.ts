import { Batcher } from './batcher.ts';
import { faultOf, withRetryUntraced } from './retry.ts';
import type { ScriptCommand } from './script-commands.ts';
import type { ScriptArgument } from './scripts.ts';

interface Run {
  readonly script: string;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** So many scripts go in one command, which holds up Redis for about a millisecond. */
const maxRuns = 64;

/** One with more keys and arguments goes alone. */
const maxWords = 64;

/** Runs scripts, many by one command. Each is a step of its own still: if one fails, the others do not. */
export class BatchedScripts {
  readonly #runs: Batcher<Run>;
  readonly #runAll: ScriptCommand;

  /** @param runAll - runs `batchScript`; its first argument is the number of keys. */
  constructor(runAll: ScriptCommand) {
    this.#runAll = runAll;
    this.#runs = new Batcher((runs) => this.#send(runs), maxRuns);
  }

  accepts(keys: readonly string[], args: readonly ScriptArgument[]): boolean {
    return keys.length + args.length <= maxWords;
  }

  /** @throws Fault when Redis refuses the script, or all that were run with it. */
  run(script: string, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return new Promise((resolve, reject) => this.#runs.add({ script, keys, args, resolve, reject }));
  }

  async #send(runs: readonly Run[]): Promise<void> {
    const words: ScriptArgument[] = [0];
    for (const { keys } of runs) words.push(...keys);
    words[0] = words.length - 1;
    words.push(packed(runs));
    try {
      const answers = (await withRetryUntraced(() => this.#runAll(...words))) as unknown[];
      for (const [index, { resolve, reject }] of runs.entries()) {
        const answer = answers[index];
        if (answer instanceof Error) reject(faultOf(answer));
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of runs) reject(error);
    }
  }
}

/**
 * The runs as one argument, because ioredis spends more time on an argument than on its bytes. Each run is a list: the
 * script's name, the number of its keys, and its arguments.
 *
 * No library writes this: Redis's `cmsgpack` refuses `bin` and `str 8`, which libraries use for a Buffer and for text of
 * 32 to 255 bytes (`redis-cli eval "cmsgpack.unpack(ARGV[1])" 0 <bytes>` answers "Bad data format", Redis 7.0.15).
 * @see MessagePack specification, "Array format family" (array 32), "String format family" (str 32)
 */
function packed(runs: readonly Run[]): Buffer {
  const buffer = Buffer.allocUnsafe(runs.reduce((sum, run) => sum + roomOf(run), HEAD_BYTES));
  let end = writeHead(buffer, 0, ARRAY_32, runs.length);
  for (const { script, keys, args } of runs) {
    end = writeHead(buffer, end, ARRAY_32, 3);
    end = writeWord(buffer, end, script);
    end = writeWord(buffer, end, keys.length);
    end = writeHead(buffer, end, ARRAY_32, args.length);
    for (const arg of args) end = writeWord(buffer, end, arg);
  }
  return buffer.subarray(0, end);
}

const ARRAY_32 = 0xdd;
const STR_32 = 0xdb;
const HEAD_BYTES = 5;
const MAX_NUMBER = 24;

function writeHead(buffer: Buffer, at: number, type: number, length: number): number {
  buffer[at] = type;
  return buffer.writeUInt32BE(length, at + 1);
}

function writeWord(buffer: Buffer, at: number, word: ScriptArgument): number {
  const start = at + HEAD_BYTES;
  if (word instanceof Uint8Array) buffer.set(word, start);
  const length = word instanceof Uint8Array ? word.length : buffer.write(String(word), start);
  writeHead(buffer, at, STR_32, length);
  return start + length;
}

/** At most so many bytes. */
function roomOf({ script, args }: Run): number {
  let room = 4 * HEAD_BYTES + script.length + MAX_NUMBER;
  for (const arg of args) room += HEAD_BYTES + roomOfWord(arg);
  return room;
}

function roomOfWord(word: ScriptArgument): number {
  if (typeof word === 'number') return MAX_NUMBER;
  return typeof word === 'string' ? Buffer.byteLength(word) : word.length;
}
