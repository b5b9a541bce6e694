import { readFileSync } from 'node:fs';
import { programFolder } from '../lib/program-folder.ts';

/** The version of this program, as `package.json` names it. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../package.json', programFolder), 'utf8')) as { version: string }
).version;
