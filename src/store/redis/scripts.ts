import { readdirSync, readFileSync } from 'node:fs';
import { URL } from 'node:url';
import { programFolder } from '../../lib/program-folder.ts';

/** A Lua script: its name, how many keys it takes, its text. */
export interface Script {
  readonly name: string;
  readonly keys: number;
  readonly lua: string;
}

/** Those of a folder, and the functions that they may call. */
export interface Scripts {
  readonly each: readonly Script[];
  readonly prelude: string;
}

/** A word that a script is given beside its keys. */
export type ScriptArgument = string | number | Uint8Array;

const folder = new URL('store/scripts/', programFolder);

const preludeFile = 'prelude.lua';

/**
 * Read every script of the folder `scripts`; a file `name-2.lua` is the script `name` with two keys.
 * @throws Error on a file whose name does not say its number of keys.
 */
export function loadScripts(): Scripts {
  const read = (file: string) => readFileSync(new URL(file, folder), 'utf8');
  const files = readdirSync(folder).filter((file) => file !== preludeFile);
  const each = files.map((file) => {
    const [, name, keys] = /^([a-z-]+)-(\d+)\.lua$/.exec(file) ?? [];
    if (name === undefined)
      throw new Error(`src/store/scripts/${file} is not named <name>-<number of keys>.lua`);
    return { name, keys: Number(keys), lua: read(file) };
  });
  return { each, prelude: read(preludeFile) };
}

/** The names of the functions of a prelude. */
export function functionsOf(prelude: string): string[] {
  return [...prelude.matchAll(/^local function (\w+)/gm)].map(([, name = '']) => name);
}

/** A script as Redis runs it: with the prelude before it, if it calls a function of it. */
export function withPrelude(lua: string, prelude: string): string {
  return functionsOf(prelude).some((name) => lua.includes(`${name}(`)) ? `${prelude}\n${lua}` : lua;
}

/**
 * One script that runs others. Its one argument tells of each the name, how many of the keys are its own, and the arguments.
 * It returns a list of what they answer, with an error for each that failed; or it fails as a whole, with whatever was done,
 * when the server is no master just now: each can be done again.
 */
export function batchScript(scripts: readonly Script[], prelude: string): string {
  const branches = scripts.map(({ name, lua }) => `if name == '${name}' then\n${lua}\nend`);
  return `${prelude}\nlocal function run(name, KEYS, ARGV)\n${branches.join('\n')}\nend\n${runEach}`;
}

const runEach = `
local answers, first = {}, 1
for place, each in ipairs(cmsgpack.unpack(ARGV[1])) do
  local name, count, arguments = each[1], tonumber(each[2]), each[3]
  local keys = { unpack(KEYS, first, first + count - 1) }
  first = first + count
  local isDone, answer = pcall(run, name, keys, arguments)
  if not isDone then
    local text = type(answer) == 'table' and answer.err or tostring(answer)
    local passing = text:match('READONLY.*') or text:match('NOREPLICAS.*') or text:match('MASTERDOWN.*')
    -- Not error(): that puts the place in the script before the code, by which the caller knows what will pass.
    if passing then return redis.error_reply(passing) end
    answer = { err = text }
  end
  answers[place] = answer
end
return answers
`;
