// `node dev/run.mjs SCRIPT ARGUMENTS…`: what an npm script does. It checks the arguments, puts in place what is missing, builds
// where that is needed, and then becomes the program: Ctrl-C and SIGTERM reach it as if it had been started alone.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checkArguments } from './arguments.mjs';
import { scripts } from './scripts.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const [name = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(scripts, name)) end(`Usage: node dev/run.mjs ${Object.keys(scripts).join('|')}`, 2);
checkArguments(name, args);
run(process.execPath, [...process.execArgv, join(root, 'deploy/node-version.mjs')]);

const { program, setup, build } = scripts[name];
if (setup !== undefined) run(process.execPath, [join(root, 'dev/setup.mjs'), setup]);
if (build) run('npm', ['run', 'build']);

const file = join(root, program);
process.argv = [process.execPath, file, ...args];
// Programs that fork themselves pass these on.
process.execArgv.push('--import', 'tsx');
const { register } = await import('tsx/esm/api');
register();
await import(String(pathToFileURL(file)));

/** @param {string} command @param {string[]} line */
function run(command, line) {
  const { status } = spawnSync(command, line, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** @param {string} message @param {number} code @returns {never} */
function end(message, code) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
