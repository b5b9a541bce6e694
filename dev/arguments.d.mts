/** Ends the process with the usage (exit code 0) for `--help`, or with one line (exit code 2) for a wrong argument. */
export function checkArguments(script: string, args?: readonly string[]): void;
/** What is wrong with the arguments, in one line; `help` if that is asked for. */
export function faultOf(script: string, args: readonly string[]): string | undefined;
