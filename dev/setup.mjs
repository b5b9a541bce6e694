// Runs first in every script that starts a system, such as `npm run dev`. It needs only Node: no packages, no
// TypeScript.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { installPrograms, missingPrograms } from './programs.mjs';
import { runShowingProgress, SetupError } from './progress.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const plugin = join(root, 'mosquitto', 'plugin');
const lock = join(root, '.cache', 'setup.lock');
const lockPatienceMs = 20 * 60_000;
const scripts = ['dev', 'test', 'bench', 'chaos', 'pictures'];

/**
 * A missing thing: the lines that name it and its cause, and how to fix it.
 * @typedef {{ lines: string[], repair: () => Promise<void> }} Gap
 */

/** @param {string} script @returns {Gap[]} in the order in which they must be fixed */
function findGaps(script) {
  const programs = missingPrograms(script);
  const packages = packagesFault();
  const build = pluginFault();
  return [
    ...(programs.length === 0
      ? []
      : [
          {
            lines: programs.map(({ name, purpose }) => `${name}: ${purpose}`),
            repair: () => installPrograms(programs, root),
          },
        ]),
    ...(packages === undefined ? [] : [{ lines: [`node_modules: ${packages}`], repair: installPackages }]),
    ...(build === undefined ? [] : [{ lines: [`mosquitto/plugin: ${build}`], repair: buildPlugin }]),
  ];
}

/** @returns {string | undefined} how node_modules differs from package-lock.json, if it does */
function packagesFault() {
  const installed = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'the npm packages are not installed';
  for (const [path, wanted] of Object.entries(readLock(join(root, 'package-lock.json')) ?? {})) {
    if (path === '') continue;
    const there = installed[path];
    if (there === undefined && (wanted.optional || wanted.devOptional)) continue;
    if (there?.version !== wanted.version || there?.integrity !== wanted.integrity) {
      return 'package-lock.json asks for other packages than are installed';
    }
    if (!existsSync(join(root, path))) return `${path} has gone`;
  }
  return undefined;
}

/** @param {string} file @returns {Record<string, { version?: string, integrity?: string, optional?: boolean, devOptional?: boolean }> | undefined} */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

async function installPackages() {
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  // NODE_ENV=production would leave out the packages that the scripts need.
  const command = [...npm, 'ci', '--include=dev', '--no-audit', '--no-fund'];
  await runShowingProgress('npm ci', command, { cwd: root });
}

/** @returns {string | undefined} why the broker plugin must be built, if it must */
function pluginFault() {
  const files = readdirSync(plugin);
  const changedAt = (/** @type {string} */ name) => statSync(join(plugin, name)).mtimeMs;
  const newest = Math.max(...files.filter((name) => /\.[ch]$|^Makefile$/.test(name)).map(changedAt));
  const built = files.filter((name) => name.endsWith('.c')).map((name) => name.replace(/c$/, 'so'));
  if (!built.every((name) => files.includes(name))) return 'the broker plugins are not built';
  return built.some((name) => changedAt(name) < newest)
    ? 'a broker plugin is older than its source'
    : undefined;
}

async function buildPlugin() {
  // Uses -B, because make has its own rule for outdated files, and a remaining fault would be fixed again at every
  // start.
  await runShowingProgress('make -C mosquitto/plugin', ['make', '-B', '-C', plugin], { cwd: root });
}

/**
 * Lets one set-up at a time change this folder: two `npm test` at once must not both run `npm ci`.
 * @returns {Promise<void>} the process releases the lock when it exits
 */
async function takeLock() {
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + lockPatienceMs;
  for (let isReported = false; ; isReported = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      process.once('exit', () => rmSync(lock, { force: true }));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new SetupError(`${lock} cannot be written: ${error.message}`);
    }
    const holder = lockHolder();
    if (holder === undefined) continue;
    if (Date.now() > deadline)
      throw new SetupError(`Process ${holder} holds ${lock}; if it hangs, delete that file.`);
    if (!isReported) console.log(`Another set-up (process ${holder}) is at work here; waiting for it.`);
    await sleep(200);
  }
}

/** @returns {number | undefined} the running process that holds the lock; removes the lock of an exited one */
function lockHolder() {
  let pid;
  try {
    pid = Number(readFileSync(lock, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return pid;
  } catch (error) {
    if (error.code === 'EPERM') return pid;
    if (error.code === 'ESRCH') rmSync(lock, { force: true });
    return undefined;
  }
}

function requireNode() {
  const check = [...process.execArgv, join(root, 'deploy', 'node-version.mjs')];
  if (spawnSync(process.execPath, check, { stdio: 'inherit' }).status !== 0) process.exit(1);
}

/** @param {string | undefined} script */
async function setUp(script) {
  requireNode();
  if (script === undefined || !scripts.includes(script)) {
    throw new SetupError(`Usage: node dev/setup.mjs ${scripts.join('|')}`);
  }
  if (findGaps(script).length === 0) return;
  await takeLock();
  // Another set-up may have fixed this meanwhile.
  const gaps = findGaps(script);
  if (gaps.length > 0) console.log('Set-up: some things are missing here and are put in place first.');
  for (const line of gaps.flatMap((gap) => gap.lines)) console.log(`- ${line}`);
  for (const gap of gaps) await gap.repair();
  const left = findGaps(script).flatMap((gap) => gap.lines);
  if (left.length > 0) throw new SetupError(`Set-up ran, but this is still missing:\n  ${left.join('\n  ')}`);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  await setUp(process.argv[2]);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exit(1);
}
