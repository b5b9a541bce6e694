import { styleText } from 'node:util';
import { InvalidArgumentError } from 'commander';

/** Where a command writes; kept apart so that tests and scripts see the same. */
export interface Terminal {
  /** Whether a person reads it, who likes columns and colours. */
  readonly isPerson: boolean;
  /** A line on standard output. */
  print(line: string): void;
  /** Bytes on standard output, as they are. */
  write(bytes: Uint8Array): void;
  /** Coloured on a terminal, unless NO_COLOR is set; as it is for scripts. */
  paint(colour: Colour, text: string): string;
  /** A line on standard error: what is said beside the result. */
  note(line: string): void;
}

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

export function openTerminal(env: NodeJS.ProcessEnv): Terminal {
  const isPerson = process.stdout.isTTY === true;
  const hasColours = isPerson && !env.NO_COLOR;
  // Whoever reads has seen enough, as `head` does.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));
  return {
    isPerson,
    write: (bytes) => void process.stdout.write(bytes),
    paint: (colour, text) => (hasColours ? styleText(colour, text) : text),
    print: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
  };
}

/** What the user can mend; told as it is, without a stack, with exit code 1. */
export class CliFault extends Error {
  override readonly name = 'CliFault';
}

/** Read the value of an option. @throws InvalidArgumentError, which commander tells with the option's name. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1e6)) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}
