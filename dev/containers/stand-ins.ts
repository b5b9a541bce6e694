/**
 * Stand-ins for the base images, where no registry of images can be reached: Debian's Mosquitto, Redis and compiler, Node from
 * npm's registry, and a mail sink of this project. They have the official images' names, users, folders and ports.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { attempt, fetchNode } from '../matrix/newer.ts';
import type { Engine } from './engine.ts';
import { unpackRoot } from './roots.ts';

const run = promisify(execFile);
const packages = [
  ...['mosquitto', 'mosquitto-dev', 'libmosquitto-dev', 'redis-server', 'redis-tools'],
  ...['gcc', 'make', 'libc6-dev', 'libstdc++6', 'libatomic1'],
  ...['base-files', 'bash', 'coreutils', 'dash', 'grep', 'libc-bin', 'sed'],
];
/** What a container never needs of them. */
const without = /^(lib)?systemd-shared|^systemd|^debconf|^libpam|^adduser|^passwd/;

/** A change of how the root is put together takes another number, or the last root stays. */
const edition = 2;

const users = `root:x:0:0:root:/root:/bin/bash
redis:x:999:999::/data:/bin/sh
node:x:1000:1000::/home/node:/bin/bash
mosquitto:x:1883:1883::/mosquitto:/bin/sh
`;
const groups = users.replaceAll(/^(\w+):x:(\d+).*/gm, '$1:x:$2:');

/** The packages that it would install are there. */
const apk = '#!/bin/sh\nfor program in gcc make; do command -v $program >/dev/null || exit 1; done\n';

/** What the official images say of themselves. */
const images = {
  node: ['ENTRYPOINT ["node"]'],
  'eclipse-mosquitto': [
    'RUN mkdir -p /mosquitto/config /mosquitto/data /mosquitto/log && chown -R 1883:1883 /mosquitto',
    'VOLUME ["/mosquitto/data", "/mosquitto/log"]',
    'EXPOSE 1883',
    'CMD ["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]',
  ],
  redis: [
    // The official image is built so that it listens without a password too.
    `RUN printf '#!/bin/sh\\nexec /usr/bin/redis-server "$@" --protected-mode no\\n' >/usr/local/bin/redis-server && chmod 755 /usr/local/bin/redis-server`,
    'RUN mkdir /data && chown 999:999 /data',
    'VOLUME /data',
    'WORKDIR /data',
    'CMD ["redis-server"]',
  ],
} as const;

/** Tags of the images that the files of the tree name, by repository. */
async function imagesOf(tree: string): Promise<ReadonlyMap<string, string>> {
  const files = ['Dockerfile', 'mosquitto/Dockerfile', 'docker-compose.yml'];
  const texts = await Promise.all(files.map((file) => readFile(join(tree, file), 'utf8')));
  const named = texts
    .join('\n')
    .matchAll(/^ *(?:FROM|ARG MOSQUITTO=|image:(?: &\w+)?) *([\w/-]+):([\w.-]+)/gm);
  return new Map([...named].map(([, repository = '', tag = '']) => [repository, `${repository}:${tag}`]));
}

/** Where images come from here, digests can't be right. */
export async function removeDigests(tree: string): Promise<void> {
  for (const file of ['Dockerfile', 'mosquitto/Dockerfile', 'docker-compose.yml']) {
    const text = await readFile(join(tree, file), 'utf8');
    await writeFile(join(tree, file), text.replaceAll(/@sha256:[0-9a-f]{64}/g, ''));
  }
}

/**
 * Puts the root of all stand-ins together; needs the network.
 * @param project - whose npm packages `npm ci` finds in the image.
 * @throws Unavailable where packages can't be had.
 */
export async function fetchStandIns(folder: string, project: string): Promise<void> {
  const root = join(folder, 'bases');
  const lock = await readFile(join(project, 'package-lock.json'));
  const names = JSON.stringify([...(await imagesOf(project)), packages, users, apk, edition]);
  const made = createHash('sha256').update(lock).update(names).digest('hex').slice(0, 12);
  if (made === (await madeFrom(folder))) return;
  await unpackRoot({ suite: 'sid', packages, without }, root);
  const nodeTag = (await imagesOf(project)).get('node') ?? '';
  const node = await fetchNode(/:(\d+\.\d+\.\d+)/.exec(nodeTag)?.[1] ?? '');
  const local = join(root, 'usr', 'local');
  for (const name of ['bin', 'etc', 'lib/node_modules']) await mkdir(join(local, name), { recursive: true });
  await cp(join(node, 'node'), join(local, 'bin', 'node'));
  const globals = (await run('npm', ['root', '--global'])).stdout.trim();
  await rm(join(local, 'lib/node_modules/npm'), { recursive: true, force: true });
  await cp(join(globals, 'npm'), join(local, 'lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx']) {
    await rm(join(local, 'bin', name), { force: true });
    await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
  }
  await writeFile(join(local, 'etc', 'npmrc'), 'cache=/opt/npm\noffline=true\nupdate-notifier=false\n');
  await fillNpmCache(join(root, 'opt', 'npm'), join(folder, 'npm'), project);
  await writeFile(join(root, 'etc', 'passwd'), users);
  await writeFile(join(root, 'etc', 'group'), groups);
  await writeFile(join(root, 'usr', 'sbin', 'apk'), apk, { mode: 0o755 });
  await rm(join(root, 'usr', 'bin', 'cc'), { force: true });
  await symlink('gcc', join(root, 'usr', 'bin', 'cc'));
  await linkPlugins(root);
  await writeFile(join(folder, 'made-from'), made);
}

/** A digest of what the root was made from; empty if it was not. */
const madeFrom = (folder: string): Promise<string> =>
  readFile(join(folder, 'made-from'), 'utf8').catch(() => '');

/** `npm ci` in a build has no network. */
async function fillNpmCache(cache: string, folder: string, project: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    await cp(join(project, name), join(folder, name));
  const words = ['ci', '--prefix', folder, '--cache', cache, '--ignore-scripts', '--prefer-offline'];
  await attempt('the npm packages', 'npm', words, folder);
  await rm(folder, { recursive: true, force: true });
}

/** The official image has them in `/usr/lib` itself. */
async function linkPlugins(root: string): Promise<void> {
  const library = join(root, 'usr', 'lib');
  const files = await readdir(library, { recursive: true });
  for (const name of ['mosquitto_dynamic_security.so', 'mosquitto_persist_sqlite.so']) {
    const path = files.find((file) => file.endsWith(`/mosquitto/${name}`));
    if (path === undefined) throw new Error(`Debian's Mosquitto has no ${name}`);
    await rm(join(library, name), { force: true });
    await symlink(path, join(library, name));
  }
}

/**
 * Makes the images; needs no network.
 * @param folder - what `fetchStandIns` filled, which the engine sees at the same path.
 */
export async function makeStandIns(engine: Engine, folder: string, tree: string): Promise<void> {
  const names = await imagesOf(tree);
  const bases = `profile-bases:${await madeFrom(folder)}`;
  if ((await engine.docker(['images', '--quiet', bases])) === '') await importBases(engine, folder, bases);
  const context = join(folder, 'context');
  await mkdir(context, { recursive: true });
  for (const [repository, lines] of Object.entries(images)) {
    await writeFile(join(context, 'Dockerfile'), `${[`FROM ${bases}`, ...lines].join('\n')}\n`);
    await engine.docker(['build', '--tag', names.get(repository) ?? repository, context]);
  }
  await makeMailpit(engine, { context, tree, tag: names.get('axllent/mailpit') ?? 'axllent/mailpit' });
}

async function importBases(engine: Engine, folder: string, name: string): Promise<void> {
  const archive = join(folder, 'bases.tar');
  await run('tar', ['--create', '--file', archive, '--directory', join(folder, 'bases'), '.']);
  const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin';
  await engine.docker(['import', '--change', path, archive, name]);
  await rm(archive);
}

/** On the stage `dev` of the project's own image, which has the packages that it needs. */
async function makeMailpit(
  engine: Engine,
  { context, tree, tag }: { context: string; tree: string; tag: string },
): Promise<void> {
  await engine.docker(['build', '--tag', 'profile-dev', '--target', 'dev', tree]);
  const program =
    '#!/bin/sh\n[ "$1" = readyz ] && PORT=8025 exec healthy /readyz\nexec node --import tsx dev/mailpit.ts\n';
  await writeFile(join(context, 'mailpit'), program, { mode: 0o755 });
  await cp(join(tree, 'dev/containers/mailpit.ts'), join(context, 'mailpit.ts'));
  const lines = [
    'FROM profile-dev',
    'COPY --chmod=0755 mailpit /mailpit',
    'COPY --chmod=0644 mailpit.ts dev/mailpit.ts',
    'ENTRYPOINT ["/mailpit"]',
    'CMD []',
  ];
  await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
  await engine.docker(['build', '--tag', tag, context]);
}
