import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pretty from 'pino-pretty';
import { freePort, spawnProgram } from './servers/process.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

export interface WorkerOptions {
  readonly name: string;
  /** TypeScript or JavaScript; seen from the project's folder. */
  readonly file: string;
  /** All its settings but its client id and its HTTP port; nothing else of this process's environment reaches it. */
  readonly settings: Readonly<Record<string, string>>;
  /** A debugger may attach at this port of 127.0.0.1. */
  readonly inspectPort?: number;
  readonly hasColours: boolean;
  /** Takes a line of its log, and what there is to say about it. */
  readonly print: (line: string) => void;
}

/** A worker as a process of its own, on a port of its own, the same for each start. */
export class WorkerProcess {
  readonly name: string;
  readonly httpPort: number;
  readonly #options: WorkerOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  #failed = false;
  /** It has done all that it had to, and only waits for a debugger to let it go. */
  #isHeld = false;

  private constructor(options: WorkerOptions, httpPort: number) {
    this.#options = options;
    this.name = options.name;
    this.httpPort = httpPort;
    running.add(this);
  }

  /** @throws Error when it ends before it is ready. */
  static async start(options: WorkerOptions): Promise<WorkerProcess> {
    const worker = new WorkerProcess(options, await freePort());
    await worker.start();
    return worker;
  }

  /** Has it ended by itself, or with an exit code other than 0? */
  get failed(): boolean {
    return this.#failed;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Let it finish what it has begun; it is killed if that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#stopping = true;
    const gone = once(child, 'exit');
    const impatience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    child.kill('SIGTERM');
    await gone.finally(() => clearTimeout(impatience));
  }

  /** For the end of this process, where nothing can be waited for. */
  abandon(): void {
    this.#child?.kill('SIGKILL');
  }

  async start(): Promise<void> {
    const { name, file, settings, inspectPort } = this.#options;
    const env = {
      ...inherited(),
      ...settings,
      MQTT_CLIENT_ID: `profile-${name}`,
      HTTP_PORT: String(this.httpPort),
    };
    const door = inspectPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectPort}`];
    const line = [process.execPath, ...door, '--import', 'tsx', resolve(root, file)];
    const child = spawnProgram(line, root, env);
    this.#child = child;
    this.#stopping = false;
    this.#isHeld = false;
    this.#printLog(child);
    child.once('exit', (code, signal) => this.#ended(code, signal));
    const deadline = Date.now() + startTimeoutMs;
    while (!(await isReady(this.httpPort))) {
      if (this.#child !== child) throw new Error(`${name} did not start`);
      if (Date.now() > deadline) throw new Error(`${name} was not ready in ${startTimeoutMs} ms`);
      await delay(20);
    }
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = undefined;
    if (this.#stopping && (code === 0 || this.#isHeld)) return;
    this.#failed = true;
    this.#options.print(`${this.name} ended with ${signal ?? `exit code ${code}`}`);
  }

  #letGo(child: ChildProcess): void {
    this.#isHeld = true;
    child.kill('SIGKILL');
  }

  #printLog(child: ChildProcess): void {
    const { name, print, hasColours } = this.#options;
    const format = pretty.prettyFactory({ colorize: hasColours, ignore: 'time', singleLine: true });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (line !== '') print(`${name}: ${format(line).trimEnd()}`);
        if (line.startsWith('Waiting for the debugger to disconnect')) this.#letGo(child);
      });
    }
  }
}

const startTimeoutMs = 30_000;
/** Longer than the SHUTDOWN_TIMEOUT_MS that it is given. */
const stopTimeoutMs = 8_000;

const running = new Set<WorkerProcess>();
process.once('exit', () => {
  for (const worker of running) worker.abandon();
});

/** What programs need to run at all: no setting of a worker, and no credentials, is among them. */
function inherited(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'NODE_OPTIONS'];
  return Object.fromEntries(
    names.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])),
  );
}

async function isReady(httpPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).ok;
  } catch {
    return false;
  }
}
