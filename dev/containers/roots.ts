/** Folders that a program or a container can have as its root, made of Debian's packages. Nothing of them is installed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { attempt, openApt } from '../matrix/newer.ts';

const run = promisify(execFile);

export interface Root {
  readonly suite: string;
  readonly packages: readonly string[];
  /** Packages that these depend on and that only a whole system needs. */
  readonly without?: RegExp;
}

/**
 * Unpacks packages and all that they depend on, unless the folder is there.
 * @throws Unavailable where there is no apt, or no mirror can be reached.
 */
export async function unpackRoot({ suite, packages, without }: Root, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const apt = await openApt(suite);
  const what = `the packages of Debian ${suite}`;
  const simulation = [...apt, '--simulate', '--no-install-recommends', 'install', ...packages];
  const plan = await attempt(what, 'apt-get', simulation);
  const names = [...plan.matchAll(/^Inst (\S+)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => !without?.test(name));
  const archives = `${folder}.archives`;
  const partial = `${folder}.partial`;
  for (const old of [archives, partial]) await rm(old, { recursive: true, force: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(partial, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(partial, name));
  }
  await mkdir(archives);
  await attempt(what, 'apt-get', [...apt, 'download', ...names], archives);
  for (const archive of await readdir(archives)) await extract(join(archives, archive), partial);
  await run('/sbin/ldconfig', ['-r', partial]);
  await rm(archives, { recursive: true });
  await rename(partial, folder);
}

/** `dpkg-deb --extract` of Debian 12 replaces the link `lib` by a folder. */
async function extract(archive: string, root: string): Promise<void> {
  const unpack = spawn('dpkg-deb', ['--fsys-tarfile', archive], { stdio: ['ignore', 'pipe', 'inherit'] });
  const words = ['--extract', '--keep-directory-symlink', '--directory', root];
  const tar = spawn('tar', words, { stdio: [unpack.stdout, 'inherit', 'inherit'] });
  const [status] = await once(tar, 'close');
  if (status !== 0) throw new Error(`${archive} cannot be unpacked`);
}
