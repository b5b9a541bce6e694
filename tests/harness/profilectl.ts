/** `profilectl` in a process of its own, as a person calls it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { workerArguments } from './program.ts';

export interface Called {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * @param settings - all of its environment.
 * @throws Error when it does not end.
 */
export function profilectl(settings: Readonly<Record<string, string>>, ...line: string[]): Promise<Called> {
  const env = { PATH: process.env.PATH, ...settings };
  return new Promise((resolve, reject) => {
    execFile('node', [...programArguments, ...line], { env, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error?.killed) return reject(new Error(`profilectl ${line[0]} does not end`));
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** The same program as the worker that is tested, built or not; the file beside its `main`. */
export const programArguments = workerArguments.map((argument) =>
  argument.replace(/\bmain\.(js|ts)$/, (name) => join('cli', name)),
);
