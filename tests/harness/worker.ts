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
  async page(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      get(`${this.process.url}${path}`, { agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      }).on('error', reject);
    });
  }

  /** A number of `/metrics`, by its name with labels as it stands there; 0 for one that is not there yet. */
  async metric(name: string): Promise<number> {
    const { body } = await this.page('/metrics');
    const line = body.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  }

  /** Wait until nothing that it has received is unacknowledged. */
  async idle(): Promise<void> {
    await eventually('the worker is idle', async () => (await this.metric('profile_in_flight')) === 0);
  }

  /** The lines of its log since it was started. */
  log(): LogLine[] {
    const lines = this.process.log().split('\n');
    return lines.flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []));
  }
}

/**
 * Start a worker, its HTTP server on a free port; it is ready to take requests then.
 * @param program - what follows `node` on the command line.
 */
export async function startWorker(
  settings: WorkerSettings,
  program: readonly string[] = workerArguments,
): Promise<WorkerUnderTest> {
  const process = await startServer({
    command: 'env',
    // Nothing of the developer's own environment gets in.
    arguments: ['-i', `PATH=${programs}`, 'node', '--env-file=settings', ...program],
    protocol: 'http',
    ready: /"msg":"ready"/,
    configure: (folder, port) =>
      writeFile(
        join(folder, 'settings'),
        Object.entries({ ...settings, HTTP_PORT: `${port}`, HTTP_HOST: '127.0.0.1' })
          .map(([name, value]) => `${name}="${value}"\n`)
          .join(''),
      ),
  });
  return new WorkerUnderTest(process);
}

/** Where `node` is found. */
const programs = process.env.PATH ?? '';
