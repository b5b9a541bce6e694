/**
 * What `systemctl` asks of systemd, played for units that are installed below a folder: it starts their programs as the units
 * say, with their environment, their credentials and, if it may, as their users. What hardens a unit is checked elsewhere.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { redisServer } from '../../dev/servers/installed.ts';
import { spawnProgram } from '../../dev/servers/process.ts';
import { eventually } from './eventually.ts';

interface Service {
  readonly line: readonly string[];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly user?: string | undefined;
  /** In its log once it has started (`Type=notify`). */
  readonly ready?: RegExp;
}

export class PlayedSystemd {
  url = '';
  readonly #root: string;
  readonly #workerPorts: readonly number[];
  readonly #running = new Map<string, ChildProcess>();
  readonly #logs = new Map<string, string>();
  /** What was asked, such as `restart grafana-server`. */
  readonly asked: string[] = [];
  readonly #server: Server;

  constructor(root: string, workerPorts: readonly number[]) {
    this.#root = root;
    this.#workerPorts = workerPorts;
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        () => response.end(),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    assert.ok(address !== null && typeof address !== 'string');
    this.url = `http://127.0.0.1:${address.port}`;
  }

  pid(unit: string): number | undefined {
    return this.#running.get(unit)?.pid;
  }

  /** The ends of the logs of all units. */
  logs(): string {
    return [...this.#logs].map(([unit, log]) => `── ${unit}\n${log.slice(-3000)}`).join('\n');
  }

  async end(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((unit) => this.#stop(unit)));
    this.#server.close();
  }

  async #answer(request: IncomingMessage): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const [verb = '', ...words] = body.trimEnd().split('\n');
    this.asked.push([verb, ...words].join(' '));
    const units = words.filter((word) => !word.startsWith('--'));
    for (const unit of units) {
      if (verb === 'stop' || verb === 'restart') await this.#stop(unit);
      if (verb === 'start' || verb === 'restart' || words.includes('--now')) await this.#start(unit);
    }
  }

  async #start(unit: string): Promise<void> {
    if (['prometheus', 'grafana-server'].includes(unit)) return;
    assert.ok(!this.#running.has(unit), `${unit} runs`);
    const { line, folder, env, user, ready } = unit === 'redis-server' ? this.#redis() : this.#service(unit);
    const isRoot = process.getuid?.() === 0 && user !== undefined;
    const as = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--'];
    const child = spawnProgram(
      [...(isRoot ? [...as, 'setpriv', '--pdeathsig', 'KILL', '--'] : []), ...line],
      folder,
      env,
    );
    this.#running.set(unit, child);
    this.#logs.set(unit, '');
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#logs.set(unit, (this.#logs.get(unit) + text).slice(-65_536));
      });
    child.once('exit', () => this.#running.get(unit) === child && this.#running.delete(unit));
    if (ready === undefined) return;
    const hasEnded = () => child.exitCode !== null;
    await eventually(`${unit} is ready`, () => hasEnded() || ready.test(this.#logs.get(unit) ?? ''));
    assert.ok(!hasEnded(), `Job for ${unit}.service failed.`);
  }

  async #stop(unit: string): Promise<void> {
    const child = this.#running.get(unit);
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }

  /** Debian's own unit. */
  #redis(): Service {
    return {
      line: [redisServer, join(this.#root, 'etc/redis/redis.conf'), '--daemonize', 'no'],
      folder: '/',
      env: { PATH: process.env.PATH },
      user: 'redis',
      ready: /Ready to accept connections/i,
    };
  }

  #service(unit: string): Service {
    const [, name = '', instance] = /^([^@]+)(?:@(.*))?$/.exec(unit) ?? [];
    const file = join(
      this.#root,
      'etc/systemd/system',
      `${name}${instance === undefined ? '' : '@'}.service`,
    );
    assert.ok(existsSync(file), `Unit ${unit} not found.`);
    const text = readFileSync(file, 'utf8')
      .replaceAll('%i', instance ?? '')
      .replaceAll('%H', 'here');
    const all = (key: string) =>
      [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
    const [exec = ''] = all('ExecStart');
    const [user] = all('User');
    if (instance === undefined)
      return {
        line: exec.split(' '),
        folder: all('WorkingDirectory')[0] ?? '/',
        env: { PATH: process.env.PATH },
        user,
      };
    const credentials = this.#credentials(unit, all('LoadCredential'));
    const own = all('Environment').flatMap((line) =>
      line.split(' ').map((pair) => pair.split('=', 2) as [string, string]),
    );
    const env = Object.fromEntries(own.map(([key, value]) => [key, value.replaceAll('%d', credentials)]));
    const [settings = ''] = all('EnvironmentFile');
    const program = /\S+\/main\.js/.exec(exec)?.[0] ?? assert.fail(exec);
    const HTTP_PORT = `${this.#workerPorts[Number(instance) - 1]}`;
    return {
      line: [process.execPath, `--env-file=${settings}`, program],
      folder: '/',
      env: { PATH: process.env.PATH, ...env, HTTP_PORT },
    };
  }

  /** @returns the folder with copies of the files. */
  #credentials(unit: string, lines: readonly string[]): string {
    const folder = join(this.#root, 'run/credentials', unit);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const line of lines) {
      const [name = '', path = ''] = line.split(':');
      copyFileSync(path, join(folder, name));
    }
    return folder;
  }
}
