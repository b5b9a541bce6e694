import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** So many characters of lines wait for standard output; later lines are lost. */
const maxWaiting = 4 * 1024 * 1024;

/** What could not be written is tried again after this time. */
const retryMs = 1_000;

/** A write that takes so long is stuck: the reader of a pipe has stopped reading. */
const stuckMs = 1_000;

const causes: Readonly<Record<string, string>> = {
  EPIPE: 'standard output is closed, nobody reads the log any more',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
};

export interface LogOutput extends DestinationStream {
  /** Why lines are not written, in one line; empty while they are. */
  troubles(): string[];
}

/**
 * Standard output for a log. A full disk, a closed pipe or a reader that has stopped costs lines, never the program: lines
 * wait in memory, within a bound, and are written once that is possible. Pino's own output ends the program on a full disk,
 * and at the exit waits for ever for room there.
 */
export function openLogOutput(fd = 1): LogOutput {
  const output = new Output(notBlocking(fd));
  process.once('exit', () => output.flush());
  return output;
}

/**
 * A full pipe keeps a thread in its write, and a program with such a thread does not exit. So a pipe is opened anew, for
 * writes that fail instead.
 */
function notBlocking(fd: number): number {
  if (!fstatSync(fd).isFIFO()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd; // not Linux
  }
}

class Output implements LogOutput {
  readonly #fd: number;
  #waiting = '';
  /** What is being written, or could not be. */
  #writing = Buffer.alloc(0);
  /** When that began; also while it is tried again. */
  #startedAt: number | undefined;
  /** Whether no write is under way, because the last one failed and is tried again later. */
  #isPausing = false;
  #cause: string | undefined;
  #lost = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    if (this.#waiting.length + line.length > maxWaiting) this.#lost++;
    else this.#waiting += line;
    if (this.#startedAt === undefined) this.#next();
  }

  troubles(): string[] {
    const isStuck = this.#startedAt !== undefined && performance.now() - this.#startedAt > stuckMs;
    const cause = this.#cause ?? (isStuck ? 'nobody reads standard output' : undefined);
    return cause === undefined ? [] : [`log: cannot be written: ${cause}`];
  }

  /** Write what waits, as far as that goes without an error. */
  flush(): void {
    if (this.troubles().length > 0) return;
    try {
      const waiting = Buffer.from(this.#waiting);
      let rest = this.#isPausing ? Buffer.concat([this.#writing, waiting]) : waiting;
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
    } catch {
      // the program ends, and nobody is left to tell
    }
  }

  #next(): void {
    if (this.#writing.length === 0) {
      if (this.#waiting === '') return;
      this.#writing = Buffer.from(this.#waiting);
      this.#waiting = '';
    }
    this.#startedAt ??= performance.now();
    this.#isPausing = false;
    write(this.#fd, this.#writing, (error, written) => {
      if (error) return this.#failed(error);
      this.#startedAt = undefined;
      this.#cause = undefined;
      this.#writing = this.#writing.subarray(written);
      if (this.#lost > 0) this.#tellLost();
      else this.#next();
    });
  }

  #failed({ code = 'it fails' }: NodeJS.ErrnoException): void {
    // A pipe that is full for the moment is no trouble.
    if (code !== 'EAGAIN') this.#cause = causes[code] ?? code;
    this.#isPausing = true;
    setTimeout(() => this.#next(), code === 'EAGAIN' ? 50 : retryMs).unref();
  }

  #tellLost(): void {
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      lost: this.#lost,
      msg: 'lines of the log are lost',
    };
    this.#lost = 0;
    this.write(`${JSON.stringify(line)}\n`);
  }
}
