import { styleText } from 'node:util';
import { InvalidArgumentError } from 'commander';

/** The output of a command. */
export interface Terminal {
  /** Whether standard output is a terminal, so that columns and colours help. */
  readonly isPerson: boolean;
  /** A line on standard output. */
  print(line: string): void;
  /** Raw bytes on standard output. */
  write(bytes: Uint8Array): void;
  /** Coloured on a terminal without NO_COLOR, otherwise unchanged. */
  paint(colour: Colour, text: string): string;
  /** A line on standard error, for remarks beside the result. */
  note(line: string): void;
}

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

export function openTerminal(env: NodeJS.ProcessEnv): Terminal {
  const isPerson = process.stdout.isTTY === true;
  const hasColours = isPerson && !env.NO_COLOR;
  // The reader, such as `head`, has closed the pipe.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));
  return {
    isPerson,
    write: (bytes) => void process.stdout.write(bytes),
    paint: (colour, text) => (hasColours ? styleText(colour, text) : text),
    print: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
  };
}

/** A fault that the user can fix: printed without a stack. */
export class CliFault extends Error {
  override readonly name = 'CliFault';
  readonly exitCode: number;

  /** @param exitCode - 1 for what failed, 2 for what was not understood. */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Read the value of an option. @throws InvalidArgumentError, which commander prints with the option's name. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1e6)) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}
