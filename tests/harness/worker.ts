import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { type Server, startServer } from '../../dev/servers/process.ts';
import { eventually } from './eventually.ts';
import { workerArguments } from './program.ts';

/** Settings of a worker, by their names in the environment. */
export type WorkerSettings = Readonly<Record<string, string>>;

/** One line of the worker's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A worker in a process of its own. */
export class WorkerUnderTest {
  readonly process: Server;

  constructor(process: Server) {
    this.process = process;
  }

  /** Read a page of its HTTP server. */
  page(path: string): Promise<Page> {
    return readPage(`${this.process.url}${path}`);
  }

  /** A number of `/metrics`, by its name with labels as it stands there; 0 for one that is not there yet. */
  async metric(name: string): Promise<number> {
    return metricIn((await this.page('/metrics')).body, name);
  }

  /** Wait until nothing that it has received is unacknowledged. */
  async idle(): Promise<void> {
    await eventually('the worker is idle', async () => (await this.metric('profile_in_flight')) === 0);
  }

  /** Wait until it has served what the broker kept for another worker. */
  async tookOver(): Promise<void> {
    await eventually('a session is taken over', () =>
      this.log().some(({ msg }) => msg === 'the session takeover is complete'),
    );
  }

  /** The lines of its log since it was started. */
  log(): LogLine[] {
    const lines = this.process.log().split('\n');
    return lines.flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []));
  }
}

export interface WorkerOptions {
  /** What follows `node` on the command line. */
  readonly program?: readonly string[] | undefined;
  /** In its log once the start is over; default when it takes requests. */
  readonly ready?: RegExp;
}

/** Start a worker, its HTTP server on a free port. */
export async function startWorker(
  settings: WorkerSettings,
  options: WorkerOptions = {},
): Promise<WorkerUnderTest> {
  const { program, ready = /"msg":"ready"/ } = options;
  const [command, ...rest] = commandLine('settings', program);
  const process = await startServer({
    command,
    arguments: rest,
    protocol: 'http',
    ready,
    configure: (folder, port) => writeSettings(join(folder, 'settings'), settings, port),
  });
  return new WorkerUnderTest(process);
}

/** A worker with the settings in a file. Nothing of the developer's own environment gets in. */
export function commandLine(file: string, program = workerArguments): [string, ...string[]] {
  return ['env', '-i', `PATH=${process.env.PATH ?? ''}`, 'node', `--env-file=${file}`, ...program];
}

export function writeSettings(file: string, settings: WorkerSettings, httpPort: number): Promise<void> {
  // A test reads what a metric is now.
  const all = { METRICS_CACHE_MS: '0', ...settings, HTTP_PORT: `${httpPort}`, HTTP_HOST: '127.0.0.1' };
  const lines = Object.entries(all).map(([name, value]) => `${name}="${value}"\n`);
  return writeFile(file, lines.join(''));
}

export interface Page {
  readonly status: number;
  readonly body: string;
}

/** @throws Error when there is no answer. */
export function readPage(url: string, timeout?: number): Promise<Page> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, ...(timeout !== undefined && { timeout }) }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time'))).on('error', reject);
  });
}

/** A number of `/metrics`, by its name with labels as it stands there; 0 for one that is not there. */
export function metricIn(metrics: string, name: string): number {
  const line = metrics.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
