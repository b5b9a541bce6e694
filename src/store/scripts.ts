import { readdirSync, readFileSync } from 'node:fs';
import { URL } from 'node:url';

/** A Lua script: its name, how many keys it takes, its text. */
export interface Script {
  readonly name: string;
  readonly keys: number;
  readonly lua: string;
}

const folder = new URL('./scripts/', import.meta.url);

/**
 * Read every script of the folder `scripts`; a file `name-2.lua` is the script `name` with two keys.
 * @throws Error on a file whose name does not say its number of keys.
 */
export function loadScripts(): Script[] {
  return readdirSync(folder).map((file) => {
    const [, name, keys] = /^([a-z-]+)-(\d+)\.lua$/.exec(file) ?? [];
    if (name === undefined)
      throw new Error(`src/store/scripts/${file} is not named <name>-<number of keys>.lua`);
    return { name, keys: Number(keys), lua: readFileSync(new URL(file, folder), 'utf8') };
  });
}
