/**
 * Runs a real server program (Mosquitto, Redis) on a port of 127.0.0.1 while a test, a benchmark or `npm run dev`
 * needs it. The program ends with this process in every case, and leaves nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A running server. */
export interface Server {
  readonly url: string;
  readonly port: number;
  /** Its working directory, with its data. */
  readonly folder: string;
  /** Undefined while the program does not run. */
  readonly pid: number | undefined;
  /** The last 256 KiB of its output, both streams. */
  log(): string;
  /** Sends a signal. Resolves once the program has exited, or at once for a signal that does not end it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port with the same data; stops it first if it still runs. */
  restart(): Promise<void>;
  /** Stops it in an orderly way and removes its folder. A second call changes nothing. */
  stop(): Promise<void>;
}

/** How to run a program. */
export interface Program {
  readonly command: string;
  readonly arguments: readonly string[];
  /** Text in its log once it serves connections. The port alone could belong to another, faster program. */
  readonly ready: RegExp;
  readonly protocol: string;
  /** Writes its configuration for this port into its folder. */
  configure(folder: string, port: number): Promise<void>;
  /** Longest time until it is ready, in milliseconds; default 15 000. */
  readonly startTimeoutMs?: number;
}

/** Where to run it. The default port is a free one; the default folder is a new one, which is removed at the stop. */
export interface Place {
  readonly port?: number | undefined;
  readonly folder?: string | undefined;
}

const MAX_LOG = 256 * 1024;
const STOP_TIMEOUT_MS = 20_000;
const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGQUIT', 'SIGABRT'];

/**
 * Runs a program and waits until it serves connections.
 * @throws Error with the program's log if it does not start.
 */
export async function startServer(program: Program, place: Place = {}): Promise<Server> {
  const own = place.folder === undefined;
  const folder = place.folder ?? (await mkdtemp(join(tmpdir(), `profile-${basename(program.command)}-`)));
  await mkdir(folder, { recursive: true });
  const server = new RunningServer(program, folder, own);
  try {
    for (let attempt = 1; ; attempt++) {
      server.port = place.port ?? (await freePort());
      try {
        await program.configure(folder, server.port);
        await server.start();
        return server;
      } catch (error) {
        // Another process may take the port between finding and binding it.
        if (place.port !== undefined || attempt === 5 || !/address already in use/i.test(server.log()))
          throw error;
      }
    }
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class RunningServer implements Server {
  port = 0;
  readonly folder: string;
  readonly #program: Program;
  readonly #ownsFolder: boolean;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(program: Program, folder: string, ownsFolder: boolean) {
    this.#program = program;
    this.folder = folder;
    this.#ownsFolder = ownsFolder;
    if (ownsFolder) leftovers.add(this);
  }

  get url(): string {
    return `${this.#program.protocol}://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    this.#log = '';
    const child = spawnProgram([this.#program.command, ...this.#program.arguments], this.folder);
    this.#child = child;
    leftovers.add(this);
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    const keep = (text: string) => {
      this.#log = (this.#log + text).slice(-MAX_LOG);
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    // Waits for 'close' and not 'exit': the last lines of the log, with the cause, have then arrived.
    const ended = once(child, 'close').then(() => 'ended' as const);
    const stopWaiting = new AbortController();
    const outcome = await Promise.race([ended, this.#serving(stopWaiting.signal)]);
    stopWaiting.abort();
    if (outcome === 'ready') return;
    await this.kill('SIGKILL');
    throw new Error(
      `${basename(this.#program.command)} did not start (${outcome}); it printed:\n${this.#log}`,
    );
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    if (ENDING_SIGNALS.includes(signal)) await gone;
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#end();
    leftovers.delete(this);
    if (this.#ownsFolder) await rm(this.folder, { recursive: true, force: true });
  }

  /** For the end of this process, where nothing can wait. */
  abandon(): void {
    this.#child?.kill('SIGKILL');
    if (this.#ownsFolder) rmSync(this.folder, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGCONT'); // A stopped process does not receive SIGTERM.
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.kill('SIGTERM').finally(() => clearTimeout(impatience));
  }

  async #serving(stop: AbortSignal): Promise<'ready' | 'not ready in time' | 'stopped waiting'> {
    const deadline = Date.now() + (this.#program.startTimeoutMs ?? 60_000);
    while (!stop.aborted) {
      if (this.#program.ready.test(this.#log) && (await serves(this.port))) return 'ready';
      if (Date.now() > deadline) return 'not ready in time';
      await delay(10);
    }
    return 'stopped waiting';
  }
}

const leftovers = new Set<RunningServer>();

function abandonAll(): void {
  for (const server of leftovers) server.abandon();
  leftovers.clear();
}

process.once('exit', abandonAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // A process with its own signal listener stops its servers itself, in an orderly way.
    if (process.listenerCount(signal) > 0) return;
    abandonAll();
    process.kill(process.pid, signal);
  });
}

/**
 * Starts the program through a shell. The shell finds servers in sbin, which is not in every user's PATH. It also
 * makes the kernel (Linux) end the program with this process, even after SIGKILL. The shell becomes the program: the
 * process id stays.
 */
const LAUNCH = `
PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
setpriv --pdeathsig KILL true 2>/dev/null && exec setpriv --pdeathsig KILL "$0" "$@"
exec "$0" "$@"`;

/**
 * Starts a program that ends with this process. It does not receive Ctrl-C of the terminal, so it runs until its
 * users have stopped.
 * @param line - the program and its arguments.
 */
export function spawnProgram(
  line: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  return spawn('/bin/sh', ['-c', LAUNCH, ...line], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/**
 * Finds a port of 127.0.0.1 that nothing listens on now. It lies below the range from which the kernel takes ports for outgoing
 * connections and for listeners without a number, so that none of them takes it while its server is down.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = randomInt(lowestPort, lowestEphemeralPort());
    if (given.has(port) || !(await isPortFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error('no free port on 127.0.0.1');
}

const lowestPort = 10_240;
/** The ports that this process has given. */
const given = new Set<number>();

function lowestEphemeralPort(): number {
  try {
    const [low] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/);
    // A machine with a range from 1024 on leaves nothing below it.
    return Math.max(lowestPort + 10_000, Math.min(Number(low), 32_768));
  } catch {
    return 32_768;
  }
}

/** Whether nothing listens on a port of 127.0.0.1. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/**
 * Whether a server takes a connection, and ends it when we do. Its kernel takes one before the server itself is there, and
 * Mosquitto loses a SIGTERM that comes between its last line of the start and its main loop.
 */
function serves(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let isTaken = false;
    socket.once('connect', () => {
      isTaken = true;
      socket.end();
    });
    socket.setTimeout(answerTimeoutMs, () => {
      resolve(false);
      socket.destroy();
    });
    socket.on('error', () => undefined); // a server may reset it
    socket.once('close', () => resolve(isTaken));
    socket.resume();
  });
}

/** Then it is asked again. */
const answerTimeoutMs = 1_000;
