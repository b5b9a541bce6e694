/** The commands of a page, and a machine in a folder on which they run. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mosquitto, mosquittoPrefix } from '../../dev/servers/installed.ts';
import type { PlayedSystemd } from './played-systemd.ts';
import { workerArguments } from './program.ts';

const source = fileURLToPath(new URL('../../', import.meta.url));

export interface PageCommand {
  readonly number: number;
  readonly title: string;
  readonly code: string;
}

/** Each `**n. Title.**` of a page with the first block of shell behind it. */
export function commandsOf(markdown: string): PageCommand[] {
  const parts = markdown.split(/^(?=\*\*\d+\. )/m).slice(1);
  return parts.map((part) => {
    const [, number = '', title = ''] = /^\*\*(\d+)\. ([^*]+?)\.?\*\*/.exec(part) ?? [];
    const blocks = [...part.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code = '']) => code);
    assert.equal(blocks.length, 1, `command ${number} has one block`);
    return { number: Number(number), title, code: blocks[0] ?? '' };
  });
}

export interface Ports {
  readonly broker: number;
  readonly redis: number;
  readonly workers: readonly [number, number];
}

/** What stands in the place of something on the page: the names and ports of this machine. */
export type Replacements = readonly (readonly [from: string | RegExp, to: string])[];

/** `MOSQUITTO` names another broker than the system's. */
const otherBroker: Replacements =
  mosquittoPrefix === undefined
    ? []
    : [
        ['/usr/sbin/mosquitto', mosquitto],
        ['find /usr/lib ', `find ${mosquittoPrefix}/lib `],
      ];

export class PageMachine {
  readonly root: string;
  readonly release: string;
  readonly ports: Ports;
  readonly #replacements: Replacements;
  readonly #systemd: PlayedSystemd;

  /** @param root - an empty folder; all that the page writes is below it. */
  constructor(root: string, ports: Ports, replacements: Replacements, systemd: PlayedSystemd) {
    this.root = root;
    this.release = join(root, 'release');
    this.ports = ports;
    this.#replacements = replacements;
    this.#systemd = systemd;
    mkdirSync(join(root, 'bin'), { recursive: true });
    this.#copyRelease();
    this.#playPrograms();
    this.#installPackages();
  }

  path(path: string): string {
    return join(this.root, path);
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'utf8');
  }

  /** @returns what it prints, both streams. @throws AssertionError when it fails. */
  async run(code: string): Promise<string> {
    const { exitCode, output } = await this.tryToRun(code);
    assert.equal(exitCode, 0, `${code}\n${output}\n${this.#systemd.logs()}`);
    return output;
  }

  tryToRun(code: string): Promise<{ readonly exitCode: number | null; readonly output: string }> {
    const path = [this.path('bin'), this.path('usr/local/sbin'), dirname(process.execPath), process.env.PATH];
    const env = { PATH: path.join(':'), HOME: this.root, LANG: 'C.UTF-8', SYSTEMD: this.#systemd.url };
    // With a socket as its input bash takes itself for one of a remote shell, and reads its files.
    const child = spawn('bash', ['-euo', 'pipefail', '-c', this.#here(code)], {
      cwd: this.release,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    return new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, output })));
  }

  /** The same for this machine: below its folder, with its names and ports. */
  #here(text: string): string {
    const below = text.replaceAll(/(?<![\w.}$/-])\/(?=(?:etc|opt|var|usr\/local)\/)/g, `${this.root}/`);
    const { broker, redis, workers } = this.ports;
    const all: Replacements = [
      ...this.#replacements,
      ...otherBroker,
      [/\b(?:broker|redis)\.example\.org\b/g, 'localhost'],
      [/\b8883\b/g, `${broker}`],
      [/\b6379\b/g, `${redis}`],
      [/\b8081\b/g, `${workers[0]}`],
      [/\b8082\b/g, `${workers[1]}`],
    ];
    return all.reduce((changed, [from, to]) => changed.replaceAll(from, () => to), below);
  }

  /** What the page takes out of a clone of the release; built, since `npm` is not run. */
  #copyRelease(): void {
    for (const name of ['deploy', 'docs', 'mosquitto', 'package.json', 'LICENSE'])
      cpSync(join(source, name), join(this.release, name), { recursive: true, preserveTimestamps: true });
    const files = [
      'redis/redis.conf',
      'systemd/profile-worker@.service',
      'systemd/profile-broker.service',
      'systemd/profilectl',
    ];
    for (const file of [...files.map((name) => `deploy/${name}`), 'mosquitto/production.d/production.conf']) {
      const path = join(this.release, file);
      writeFileSync(path, this.#here(readFileSync(path, 'utf8')));
    }
    symlinkSync(join(source, 'node_modules'), join(this.release, 'node_modules'));
    if (workerArguments.length === 1)
      cpSync(join(source, 'dist'), join(this.release, 'dist'), { recursive: true });
    else this.#build();
  }

  #build(): void {
    const out = join(this.release, 'dist');
    const tsc = join(source, 'node_modules/.bin/tsc');
    execFileSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', out], { cwd: source, stdio: 'inherit' });
    cpSync(join(source, 'src/store/scripts'), join(out, 'store/scripts'), { recursive: true });
  }

  /** Programs that would change the machine, or ask somebody outside. */
  #playPrograms(): void {
    this.#program(
      'systemctl',
      'printf "%s\\n" "$@" | exec curl -sS --fail-with-body --data-binary @- "$SYSTEMD"',
    );
    this.#program('timedatectl', `echo "$*" >> ${this.path('clock')}`);
    this.#program('npm', `echo "$*" >> ${this.path('npm')}`);
    this.#program('git', 'echo 1a2b3c4');
    const kubectl = ['/usr/bin/kubectl', '/usr/local/bin/kubectl'].find((file) => existsSync(file)) ?? ':';
    this.#program(
      'kubectl',
      `echo "$*" >> ${this.path('kubectl')}
case "$*" in
  *create*) exec ${kubectl} "$@" --dry-run=client --output=json >> ${this.path('created')} ;;
  apply*) exec ${kubectl} kustomize "$3" > ${this.path('applied')} ;;
esac`,
    );
    if (process.getuid?.() === 0) return;
    // Only root gives files away.
    this.#program('chown', ':');
    this.#program(
      'install',
      `args=()
while [ $# -gt 0 ]; do case $1 in -o | -g) shift 2 ;; *) args+=("$1"); shift ;; esac; done
exec /usr/bin/install "\${args[@]}"`,
    );
  }

  /** The folders that the packages of the servers bring. */
  #installPackages(): void {
    for (const folder of ['etc/systemd/system', 'var/lib', 'var/lib/redis'])
      mkdirSync(this.path(folder), { recursive: true });
    if (process.getuid?.() === 0) execFileSync('chown', ['redis:redis', this.path('var/lib/redis')]);
  }

  #program(name: string, script: string): void {
    writeFileSync(join(this.root, 'bin', name), `#!/bin/bash\n${script}\n`);
    chmodSync(join(this.root, 'bin', name), 0o755);
  }
}

/** Whether something listens there. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
