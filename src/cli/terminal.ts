/** Where a command writes; kept apart so that tests and scripts see the same. */
export interface Terminal {
  /** Whether a person reads it, who likes columns and colours. */
  readonly isPerson: boolean;
  /** A line on standard output. */
  print(line: string): void;
  /** A line on standard error: what is said beside the result. */
  note(line: string): void;
}

export function openTerminal(): Terminal {
  return {
    isPerson: process.stdout.isTTY === true,
    print: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
  };
}

/** What the user can mend; told as it is, without a stack, with exit code 1. */
export class CliFault extends Error {
  override readonly name = 'CliFault';
}
