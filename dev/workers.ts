import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pretty from 'pino-pretty';
import { freePort, isPortFree, spawnProgram } from './servers/process.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

export interface WorkerOptions {
  readonly name: string;
  /** TypeScript or JavaScript; relative to the project's folder. */
  readonly file: string;
  /** All its settings except client id and HTTP port. The worker gets nothing else from this process's environment. */
  readonly settings: Readonly<Record<string, string>>;
  /** A debugger may attach at this port of 127.0.0.1. */
  readonly inspectPort?: number;
  readonly hasColours: boolean;
  /** Receives a line of its log, and a note about it. */
  readonly print: (line: string) => void;
}

/** A worker as a separate process on its own port. The port stays the same, unless another program has taken it meanwhile. */
export class WorkerProcess {
  readonly name: string;
  readonly #options: WorkerOptions;
  #httpPort: number;
  #child: ChildProcess | undefined;
  #more: Readonly<Record<string, string>> = {};
  #stopping = false;
  #portIsTaken = false;
  #failed = false;
  /** The worker has finished, and only waits for a debugger to detach. */
  #isHeld = false;

  private constructor(options: WorkerOptions, httpPort: number) {
    this.#options = options;
    this.name = options.name;
    this.#httpPort = httpPort;
    running.add(this);
  }

  /** @throws Error when it exits before it is ready. */
  static async start(options: WorkerOptions): Promise<WorkerProcess> {
    const worker = new WorkerProcess(options, await freePort());
    await worker.start();
    return worker;
  }

  get httpPort(): number {
    return this.#httpPort;
  }

  /** Whether it exited by itself, or with an exit code other than 0. */
  get failed(): boolean {
    return this.#failed;
  }

  /** @param more - settings for this start and those that follow, in the place of earlier ones. */
  async restart(more = this.#more): Promise<void> {
    this.#more = more;
    await this.stop();
    await this.start();
  }

  /** Kills it, as a crash would: the broker keeps what it has not acknowledged, and its subscription. */
  async crash(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Sends a signal that does not end it. */
  kill(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  /** Lets it finish its work; kills it if that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#stopping = true;
    const gone = once(child, 'exit');
    const impatience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    child.kill('SIGCONT'); // A stopped process does not receive SIGTERM.
    child.kill('SIGTERM');
    await gone.finally(() => clearTimeout(impatience));
  }

  /** For the end of this process, where nothing can wait. */
  abandon(): void {
    this.#child?.kill('SIGKILL');
  }

  /** @throws Error when it exits before it is ready. Another port is tried where another program has its own. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#startOnce();
      } catch (error) {
        if (!this.#portIsTaken || attempt === attempts) throw error;
        const taken = this.#httpPort;
        this.#httpPort = await freePort();
        this.#failed = false;
        this.#options.print(`${this.name}: port ${taken} is taken; it starts again on ${this.#httpPort}`);
      }
    }
  }

  async #startOnce(): Promise<void> {
    const { name, file, settings, inspectPort } = this.#options;
    // Another program there might answer in its place.
    this.#portIsTaken = !(await isPortFree(this.#httpPort));
    if (this.#portIsTaken) throw new Error(`${name} did not start: its port is taken`);
    const env = {
      ...passedOn(),
      ...settings,
      ...this.#more,
      MQTT_CLIENT_ID: `profile-${name}`,
      HTTP_PORT: String(this.#httpPort),
    };
    const door = inspectPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectPort}`];
    const line = [process.execPath, ...door, '--import', 'tsx', resolve(root, file)];
    const child = spawnProgram(line, root, env);
    this.#child = child;
    this.#stopping = false;
    this.#isHeld = false;
    this.#printLog(child);
    child.once('exit', (code, signal) => this.#ended(code, signal));
    // Its last words, with the cause, have then arrived; a helper of tsx may hold the streams open for longer.
    const closed = once(child, 'close');
    const deadline = Date.now() + startTimeoutMs;
    while (!(await isReady(this.#httpPort))) {
      if (this.#child !== child) {
        await Promise.race([closed, delay(1_000)]);
        throw new Error(`${name} did not start`);
      }
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
        if (line.includes('EADDRINUSE') && line.includes(String(this.#httpPort))) this.#portIsTaken = true;
        if (line !== '') print(`${name}: ${format(line).trimEnd()}`);
        if (line.startsWith('Waiting for the debugger to disconnect')) this.#letGo(child);
      });
    }
  }
}

const attempts = 5;
const startTimeoutMs = 180_000;
/** Longer than the SHUTDOWN_TIMEOUT_MS that it gets. */
const stopTimeoutMs = 35_000;

const running = new Set<WorkerProcess>();
process.once('exit', () => {
  for (const worker of running) worker.abandon();
});

/** The variables that programs need to run at all: no worker settings, no credentials. */
function passedOn(): NodeJS.ProcessEnv {
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
