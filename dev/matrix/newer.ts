/**
 * Newer servers than this machine has, from Debian's newer suites, and newer Nodes, from the npm registry. All of it is
 * unpacked below .cache/matrix, and nothing is installed. apt checks the signatures as it does for an installation.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../.cache/matrix/', import.meta.url));
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const mirror = 'http://deb.debian.org/debian';
/** For one download; beyond it the network counts as absent. */
const patienceMs = 300_000;
const servers = ['mosquitto', 'mosquitto-dev', 'libmosquitto-dev', 'redis-server', 'valkey-server'];

/** Programs of one suite, as paths for `MOSQUITTO` and `REDIS`. */
export interface Suite {
  readonly mosquitto: string;
  readonly redis: string;
  readonly valkey: string;
}

/** Why something cannot be had here, in one sentence. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

/**
 * Unpacks the servers of a Debian suite, with every library that they use.
 * @throws Unavailable where there is no apt, or no mirror can be reached.
 */
export async function unpackSuite(suite: string): Promise<Suite> {
  const folder = join(cache, suite);
  if (!existsSync(folder)) {
    if (!existsSync(keyring))
      throw new Unavailable(`Debian's archive keyring (${keyring}) is not on this machine`);
    const apt = await openApt(suite);
    await download(apt, suite, folder);
  }
  const programs = join(folder, 'usr', 'run');
  return {
    mosquitto: join(programs, 'mosquitto'),
    redis: join(programs, 'redis-server'),
    valkey: join(programs, 'valkey-server'),
  };
}

/** An apt with lists and caches of its own, which takes nothing for installed. @returns its options. */
export async function openApt(suite: string): Promise<readonly string[]> {
  const home = join(cache, 'apt', suite);
  await mkdir(join(home, 'lists', 'partial'), { recursive: true });
  await mkdir(join(home, 'archives', 'partial'), { recursive: true });
  await mkdir(join(home, 'sources'), { recursive: true });
  await writeFile(join(home, 'status'), '');
  const source = [
    'Types: deb',
    `URIs: ${mirror}`,
    `Suites: ${suite}`,
    'Components: main',
    `Signed-By: ${keyring}`,
  ];
  await writeFile(join(home, 'sources', 'suite.sources'), `${source.join('\n')}\n`);
  const options = [
    `Dir::State=${home}`,
    `Dir::Cache=${home}`,
    `Dir::State::status=${join(home, 'status')}`,
    'Dir::Etc::sourcelist=/dev/null',
    `Dir::Etc::sourceparts=${join(home, 'sources')}`,
    'Dir::Etc::preferencesparts=/dev/null',
    'Acquire::Languages=none',
    'Acquire::http::Timeout=30',
    // Only root can become the user `_apt`, who may not write below .cache.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await attempt(`the package lists of Debian ${suite}`, 'apt-get', [...options, '--error-on=any', 'update']);
  return options;
}

async function download(apt: readonly string[], suite: string, folder: string): Promise<void> {
  const wanted = [...servers, 'libc6'];
  const what = `the packages of Debian ${suite}`;
  const plan = await attempt(what, 'apt-get', [
    ...apt,
    '--simulate',
    '--no-install-recommends',
    'install',
    ...wanted,
  ]);
  // The servers and libraries; what else an installation takes, such as systemd, is of no use to an unpacked program.
  const names = [...plan.matchAll(/^Inst ((?:lib|zlib|mosquitto|redis|valkey)\S*)/gm)].map(
    ([, name = '']) => name,
  );
  const packages = join(cache, `${suite}.packages`);
  const unpacked = join(cache, `${suite}.unpacked`);
  for (const old of [packages, unpacked]) await rm(old, { recursive: true, force: true });
  await mkdir(packages, { recursive: true });
  await mkdir(unpacked, { recursive: true });
  await attempt(what, 'apt-get', [...apt, 'download', ...names], packages);
  for (const file of await readdir(packages))
    await run('dpkg-deb', ['--extract', join(packages, file), unpacked]);
  await rm(packages, { recursive: true });
  await rename(unpacked, folder);
  await writeStarters(folder);
}

/** Each program runs with the loader and the libraries of its suite, since its libc is newer than this machine's. */
async function writeStarters(folder: string): Promise<void> {
  const usr = join(folder, 'usr');
  const [triplet = ''] = (await readdir(join(usr, 'lib'))).filter((name) => name.endsWith('-linux-gnu'));
  const libraries = join(usr, 'lib', triplet);
  await run('/sbin/ldconfig', ['-n', libraries]);
  const [loader = ''] = (await readdir(libraries)).filter((name) => /^ld-linux.*\.so/.test(name));
  await mkdir(join(usr, 'run'), { recursive: true });
  for (const program of ['sbin/mosquitto', 'bin/redis-server', 'bin/valkey-server']) {
    const starter = join(usr, 'run', basename(program));
    const line = `exec '${join(libraries, loader)}' --library-path '${libraries}' '${join(usr, program)}' "$@"`;
    await writeFile(starter, `#!/bin/sh\n${line}\n`);
    await chmod(starter, 0o755);
  }
}

/**
 * Fetches a Node.
 * @param version - a major version, or a full one.
 * @returns the folder to put first in the PATH.
 * @throws Unavailable where the registry has none for this machine, or cannot be reached.
 */
export async function fetchNode(version: number | string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cache, `node-${version}`);
  const program = join(folder, 'node_modules', name, 'bin');
  if (!existsSync(program)) {
    await mkdir(folder, { recursive: true });
    const options = [
      '--prefix',
      folder,
      '--fetch-timeout=60000',
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
    ];
    await attempt(`Node ${version}`, 'npm', ['install', ...options, `${name}@${version}`]);
  }
  return program;
}

/** @returns the standard output. */
export async function attempt(
  what: string,
  program: string,
  words: readonly string[],
  cwd = cache,
): Promise<string> {
  try {
    return (await run(program, words, { cwd, timeout: patienceMs, maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    const cause = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    throw new Unavailable(`${what} cannot be fetched: ${cause || (error as Error).message}`);
  }
}
