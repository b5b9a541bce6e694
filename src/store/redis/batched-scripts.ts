import { Batcher } from './batcher.ts';
import { headBytes, roomOfWord, writeListHead, writeWord } from './message-pack.ts';
import { type Deadline, withRetryUntraced } from './retry.ts';
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

/** One with a longer argument too: Lua copies every byte several times. */
const maxWordBytes = 16_384;

/** Runs scripts, many by one command. Each is a step of its own still: if one fails, the others do not. */
export class BatchedScripts {
  readonly #runs: Batcher<Run>;
  readonly #runAll: ScriptCommand;
  readonly #onReply: (error: Error) => void;

  /**
   * @param runAll - runs `batchScript`; its first argument is the number of keys.
   * @param onReply - hears each error that is the answer to one of them.
   */
  constructor(runAll: ScriptCommand, onReply: (error: Error) => void) {
    this.#runAll = runAll;
    this.#onReply = onReply;
    this.#runs = new Batcher((runs) => this.#send(runs), maxRuns);
  }

  accepts(keys: readonly string[], args: readonly ScriptArgument[]): boolean {
    return keys.length + args.length <= maxWords && !args.some(isLong);
  }

  /** @throws Fault when Redis refuses the script, or all that were run with it; or the deadline is over. */
  run(
    script: string,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    deadline?: Deadline,
  ): Promise<unknown> {
    return withRetryUntraced(
      () => new Promise((resolve, reject) => this.#runs.add({ script, keys, args, resolve, reject })),
      deadline,
    );
  }

  async #send(runs: readonly Run[]): Promise<void> {
    try {
      const words: ScriptArgument[] = [0];
      for (const { keys } of runs) words.push(...keys);
      words[0] = words.length - 1;
      words.push(packed(runs));
      const answers = (await this.#runAll(...words)) as unknown[];
      for (const [index, { resolve, reject }] of runs.entries()) {
        const answer = answers[index];
        if (answer instanceof Error) {
          this.#onReply(answer);
          reject(answer);
        } else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of runs) reject(error);
    }
  }
}

function isLong(arg: ScriptArgument): boolean {
  return typeof arg !== 'number' && arg.length > maxWordBytes;
}

/** The runs as one argument. Each is a list: the script's name, the number of its keys, and its arguments. */
function packed(runs: readonly Run[]): Buffer {
  const buffer = Buffer.allocUnsafe(runs.reduce((sum, run) => sum + roomOf(run), headBytes));
  let end = writeListHead(buffer, 0, runs.length);
  for (const { script, keys, args } of runs) {
    end = writeListHead(buffer, end, 3);
    end = writeWord(buffer, end, script);
    end = writeWord(buffer, end, keys.length);
    end = writeListHead(buffer, end, args.length);
    for (const arg of args) end = writeWord(buffer, end, arg);
  }
  return buffer.subarray(0, end);
}

/** At most so many bytes. */
function roomOf({ script, keys, args }: Run): number {
  let room = 2 * headBytes + roomOfWord(script) + roomOfWord(keys.length);
  for (const arg of args) room += roomOfWord(arg);
  return room;
}
