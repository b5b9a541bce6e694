import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, spawnProgram } from '../../../dev/servers/process.ts';
import { eventually } from '../../harness/eventually.ts';
import type { Rng } from '../../harness/rng.ts';
import { commandLine, metricIn, type Page, readPage, writeSettings } from '../../harness/worker.ts';

/** Counters of `/metrics` that are kept here after a worker exits. */
export const countedMetrics = {
  redeliveries: 'profile_redeliveries_total',
  adoptions: 'profile_adopted_sessions_total',
} as const;

type Counts = Record<keyof typeof countedMetrics, number>;

/** A worker as a separate process with its log in a file. */
export class Worker {
  readonly name: string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #httpPort: number;
  isFrozen = false;
  /** The test ended it; otherwise its exit is a failure. */
  isEnding = false;
  isReady = false;
  counts: Counts = { redeliveries: 0, adoptions: 0 };

  constructor(name: string, child: ChildProcess, log: string, httpPort: number) {
    this.name = name;
    this.#child = child;
    this.#httpPort = httpPort;
    const file = createWriteStream(log);
    this.ended = once(child, 'close').then(([code, signal]) => {
      file.end();
      return { code, signal };
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      file.write(text);
      if (text.includes('"msg":"ready"')) this.isReady = true;
    });
    child.stderr?.on('data', (text) => file.write(text));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
    this.isFrozen = signal === 'SIGSTOP';
  }

  /** The status of `/readyz`; 0 if there is no answer. */
  async readiness(): Promise<number> {
    return (await this.#page('/readyz')).status;
  }

  /** Reads its counters as long as it answers. */
  async count(): Promise<void> {
    const { status, body } = await this.#page('/metrics');
    if (status !== 200) return;
    for (const [name, metric] of Object.entries(countedMetrics)) {
      this.counts[name as keyof Counts] = metricIn(body, metric);
    }
  }

  #page(path: string): Promise<Page> {
    const url = `http://127.0.0.1:${this.#httpPort}${path}`;
    return readPage(url, 2_000).catch(() => ({ status: 0, body: '' }));
  }
}

/** Workers with names that no earlier one had, like the pods of a Deployment. */
export class Fleet {
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #rng: Rng;
  readonly #all: Worker[] = [];
  readonly #scraping: NodeJS.Timeout;
  /** Called when a worker exited by itself. */
  failed: (worker: Worker, how: string) => void = () => undefined;

  constructor(folder: string, settings: Readonly<Record<string, string>>, rng: Rng) {
    this.#folder = folder;
    this.#settings = settings;
    this.#rng = rng;
    this.#scraping = setInterval(() => {
      for (const worker of this.running) void worker.count();
    }, 2_000);
  }

  /** Those that are neither stopping nor frozen. */
  get running(): Worker[] {
    return this.#all.filter((worker) => !worker.isEnding && !worker.isFrozen);
  }

  /** Those that are not stopping. */
  get living(): Worker[] {
    return this.#all.filter((worker) => !worker.isEnding);
  }

  get counts(): Counts {
    const sum = (name: keyof Counts) => this.#all.reduce((total, { counts }) => total + counts[name], 0);
    return { redeliveries: sum('redeliveries'), adoptions: sum('adoptions') };
  }

  /** Starts a worker; it takes requests when it `isReady`. */
  async start(): Promise<Worker> {
    const suffix = Array.from({ length: 5 }, () => this.#rng.pick([...'bcdfghjklmnpqrstvwxz2456789'])).join(
      '',
    );
    const name = `profile-6c9d5b7f4-${suffix}`;
    const httpPort = await freePort();
    const file = join(this.#folder, `${name}.env`);
    await writeSettings(file, { ...this.#settings, MQTT_CLIENT_ID: name }, httpPort);
    const child = spawnProgram(commandLine(file), this.#folder);
    const worker = new Worker(name, child, join(this.#folder, `${name}.log`), httpPort);
    this.#all.push(worker);
    void worker.ended.then(({ code, signal }) => {
      if (!worker.isEnding) this.failed(worker, `it ended by itself with ${code ?? signal}`);
      worker.isEnding = true;
    });
    return worker;
  }

  async startReady(): Promise<void> {
    const worker = await this.start();
    // Another fault may end it before.
    await eventually(`${worker.name} is ready`, () => worker.isReady || worker.isEnding, 60_000);
  }

  /** Kills one; it does not count as its own failure. */
  async kill(worker: Worker): Promise<void> {
    worker.isEnding = true;
    worker.signal('SIGKILL');
    await worker.ended;
  }

  /** Stops one in an orderly way, and kills it after this time. @returns its exit code. */
  async terminate(worker: Worker, timeoutMs: number): Promise<number | null> {
    worker.isEnding = true;
    await worker.count();
    worker.signal('SIGTERM');
    const impatience = setTimeout(() => worker.signal('SIGKILL'), timeoutMs);
    const { code } = await worker.ended;
    clearTimeout(impatience);
    return code;
  }

  /** Waits until all running workers are ready. */
  async recovered(timeoutMs: number): Promise<boolean> {
    for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(100)) {
      const statuses = await Promise.all(this.living.map((worker) => worker.readiness()));
      if (statuses.every((status) => status === 200)) return true;
    }
    return false;
  }

  /** How often each message of level error and above is in the logs. */
  async errors(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const file of await readdir(this.#folder)) {
      if (!file.endsWith('.log')) continue;
      const lines = (await readFile(join(this.#folder, file), 'utf8')).split('\n');
      for (const line of lines) {
        const found = /^\{"level":"(?:error|fatal)".*"msg":"([^"]*)"/.exec(line)?.[1];
        if (found !== undefined) counts.set(found, (counts.get(found) ?? 0) + 1);
      }
    }
    return counts;
  }

  async stop(): Promise<void> {
    clearInterval(this.#scraping);
    await Promise.all(this.living.map((worker) => this.kill(worker)));
  }
}
