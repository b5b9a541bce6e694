/**
 * `npm run containers [-- WORD …]`: docker-compose.yml and both Dockerfiles with a real engine, in a copy of the tree as a clone with umask 077
 * has it. It uses the engine of this machine. Where there is none, root on Debian starts one in namespaces of its own, with
 * stand-ins for the base images. Where that can't be had either it is skipped, and a sentence says why. With words, only checks
 * with one of them in their names run, besides the build and the start. Exit code 1 when a check fails.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Unavailable } from '../matrix/newer.ts';
import { checks } from './checks.ts';
import { Composition, freePorts } from './composition.ts';
import { type Engine, runCommand, systemEngine } from './engine.ts';
import { runInNamespaces, startOwnEngine, unpackEngine } from './own-engine.ts';
import { fetchStandIns, makeStandIns, removeDigests } from './stand-ins.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, '.cache', 'containers');
const engineRoot = join(folder, 'engine');
/** What this machine and an engine of our own see at the same path. */
const shared = join(folder, 'shared');
const tree = join(shared, 'tree');
const inside = '--inside';

/** The files of the tree, each for its owner alone. */
async function copyTree(): Promise<void> {
  await rm(tree, { recursive: true, force: true });
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await promisify(execFile)('git', words, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const before = process.umask(0o077);
  for (const file of stdout.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    await copyFile(join(root, file), join(tree, file));
    await chmod(join(tree, file), (await stat(join(root, file))).mode & 0o700);
  }
  process.umask(before);
  // As the header of docker-compose.yml says.
  await runCommand('chmod', ['-R', 'go+rX', join(tree, 'deploy')]);
}

/** Runs the checks, and says how each went. @returns the exit code. */
async function check(engine: Engine): Promise<number> {
  console.log(
    `${engine.versions}${engine.standIns ? ', with stand-ins for the base images: no tag and no digest is tried' : ''}`,
  );
  const composition = new Composition(engine, tree, await freePorts());
  const selected = checks.filter(({ about, isBasis }) => isBasis || isWanted(about));
  const count = { passed: 0, failed: 0, skipped: 0 };
  // A run that was killed leaves its data.
  await composition.removeAll();
  try {
    for (const { about, run, isBasis } of selected) {
      const since = performance.now();
      const time = () => `${((performance.now() - since) / 1000).toFixed(0)} s`;
      try {
        await run(composition);
        count.passed += 1;
        console.log(`ok    ${about} (${time()})`);
      } catch (error) {
        count.failed += 1;
        console.log(`FAIL  ${about} (${time()})\n${error instanceof Error ? error.message : error}`);
        await showState(composition);
        if (isBasis === true) {
          count.skipped = selected.length - count.passed - count.failed;
          console.log(`The other ${count.skipped} checks need that, and are skipped.`);
          break;
        }
      }
    }
  } finally {
    await composition.removeAll().catch(() => undefined);
  }
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  return count.failed === 0 ? 0 : 1;
}

/** With words after `--`: whether one of them stands in the check's name. */
function isWanted(about: string): boolean {
  const words = process.argv.slice(2).filter((word) => word !== inside);
  return words.length === 0 || words.some((word) => about.includes(word));
}

async function showState(composition: Composition): Promise<void> {
  const all = ['--profile', '*'];
  console.log(await composition.compose(...all, 'ps', '--all').catch(() => ''));
  console.log(await composition.compose(...all, 'logs', '--tail', '15').catch(() => ''));
}

/** Where no engine answers. */
async function checkWithOwnEngine(): Promise<number> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return skipped('no Docker engine with Compose answers here, and only root on Linux can start one');
  console.log(
    'No Docker engine with Compose answers here: one of Debian’s packages is started beside the system.',
  );
  await unpackEngine(engineRoot);
  await fetchStandIns(shared, root);
  return runInNamespaces([fileURLToPath(import.meta.url), inside, ...process.argv.slice(2)]);
}

function skipped(why: string): number {
  console.log(`containers: skipped, since ${why}\n0 passed, 0 failed, 1 skipped`);
  return 0;
}

async function checkInNamespaces(): Promise<number> {
  process.stdin.resume().once('end', () => process.exit(1));
  const engine = await startOwnEngine(engineRoot, shared);
  await removeDigests(tree);
  await makeStandIns(engine, shared, tree);
  return check(engine);
}

async function main(): Promise<number> {
  if (process.argv.includes(inside)) return checkInNamespaces();
  try {
    await copyTree();
    const engine = await systemEngine();
    return engine === undefined ? await checkWithOwnEngine() : await check(engine);
  } catch (error) {
    if (error instanceof Unavailable) return skipped(error.message);
    throw error;
  }
}

// The engine and what reads our standard input would keep this process.
process.exit(await main());
