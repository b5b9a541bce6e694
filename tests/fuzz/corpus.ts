/** The kept inputs: a line of base64 each, in one file for each target. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';

const fileOf = (target: string): URL => new URL(`./corpus/${target}.txt`, import.meta.url);

export function readCorpus(target: string): Buffer[] {
  const file = fileOf(target);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'latin1').split('\n');
  return lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'base64'));
}

export function writeCorpus(target: string, inputs: readonly Buffer[]): void {
  const small = inputs.filter(({ length }) => length <= MAX_KEPT);
  writeFileSync(fileOf(target), small.map((input) => `${input.toString('base64')}\n`).join(''));
}

/** A longer input is found again quickly, and would only fill the repository. */
const MAX_KEPT = 600;
