/**
 * An engine of Debian's packages in a root and in namespaces of its own. Its network has nothing but itself, and it ends with
 * the process that started it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readdirSync, rmdirSync } from 'node:fs';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Engine, runCommand, versionsOf } from './engine.ts';
import { unpackRoot } from './roots.ts';

const packages = [
  ...[
    'docker.io',
    'docker-cli',
    'docker-buildx',
    'docker-compose',
    'containerd',
    'runc',
    'iptables',
    'iproute2',
  ],
  ...['base-files', 'bash', 'coreutils', 'grep', 'kmod', 'mount', 'procps', 'sed', 'util-linux'],
];
const cgroups = '/profile-containers';
const startPatienceMs = 60_000;

/** @throws Unavailable where the packages can't be had. */
export async function unpackEngine(root: string): Promise<void> {
  await unpackRoot({ suite: 'trixie', packages }, root);
}

/** Runs a program of this project in new namespaces, and ends it with this process. @returns its exit code. */
export async function runInNamespaces(words: readonly string[]): Promise<number> {
  const kinds = ['--net', '--pid', '--mount', '--ipc', '--uts', '--fork', '--mount-proc', '--kill-child'];
  // It ends when its standard input does.
  const child = spawn('unshare', [...kinds, process.execPath, ...process.execArgv, ...words], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill('SIGKILL'));
  const [status] = await once(child, 'close');
  removeCgroups();
  return status ?? 1;
}

/** The kernel keeps what the engine made for its containers. */
function removeCgroups(): void {
  const hierarchies = '/sys/fs/cgroup';
  const names = readdirSync(hierarchies, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const folder of [hierarchies, ...names.map(({ name }) => join(hierarchies, name))]) {
    const made = join(folder, cgroups);
    if (existsSync(made)) removeEmpty(made);
  }
}

function removeEmpty(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  try {
    rmdirSync(folder);
  } catch {
    // Something still ends there; an empty group costs nothing.
  }
}

/**
 * Starts it in this process's namespaces.
 * @param shared - a folder that this machine and the engine see at the same path.
 * @throws Error with its log when it does not start.
 */
export async function startOwnEngine(root: string, shared: string): Promise<Engine> {
  await mountAll(root, shared);
  const log = join(shared, 'dockerd.log');
  const output = createWriteStream(log);
  const options = ['--host', 'unix:///run/docker.sock', '--cgroup-parent', cgroups, '--ip6tables=false'];
  // `docker exec` begins at the root of a mount namespace, so a changed root of the process is not enough.
  const start = 'pivot_root . mnt && cd / && umount -l /mnt && exec dockerd "$@"';
  const daemon = spawn('unshare', ['--mount', 'sh', '-c', start, 'dockerd', ...options], {
    cwd: root,
    env: engineEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  daemon.stdout.pipe(output);
  daemon.stderr.pipe(output);
  const docker: Engine['docker'] = (command, { env } = {}) =>
    runCommand('chroot', [root, 'docker', ...command], { ...engineEnv, ...env });
  for (const deadline = Date.now() + startPatienceMs; ; await sleep(500)) {
    try {
      return { docker, standIns: true, versions: await versionsOf(docker) };
    } catch (error) {
      if (daemon.exitCode !== null || Date.now() > deadline)
        throw new Error(`dockerd does not start; its log: ${log}\n${(error as Error).message}`);
    }
  }
}

const engineEnv = { PATH: '/usr/sbin:/usr/bin', HOME: '/root', DOCKER_HOST: 'unix:///run/docker.sock' };

async function mountAll(root: string, shared: string): Promise<void> {
  const mount = (...words: readonly string[]) => runCommand('mount', words);
  await runCommand('ip', ['link', 'set', 'lo', 'up']);
  // runc replaces the root of a container's namespace, which must be a mount itself.
  await mount('--bind', root, root);
  await mount('-t', 'proc', 'proc', join(root, 'proc'));
  for (const name of ['sys', 'dev']) await mount('--rbind', `/${name}`, join(root, name));
  await mount('-t', 'tmpfs', '-o', 'mode=755', 'run', join(root, 'run'));
  // What an engine that was ended has left there would keep the next one from starting.
  await rm(join(root, 'var/run'), { recursive: true, force: true });
  await symlink('/run', join(root, 'var/run'));
  await chmod(join(root, 'tmp'), 0o1777);
  await mkdir(join(root, 'mnt'), { recursive: true });
  await mkdir(join(root, shared), { recursive: true });
  await mount('--bind', shared, join(root, shared));
  await writeFile(join(root, 'etc', 'resolv.conf'), '');
  // Packages that are installed choose one of these.
  for (const name of ['iptables', 'ip6tables']) {
    await rm(join(root, 'usr/sbin', name), { force: true });
    await symlink('xtables-nft-multi', join(root, 'usr/sbin', name));
  }
}
