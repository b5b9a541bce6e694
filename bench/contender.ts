import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { startMosquitto } from '../dev/servers/mosquitto.ts';
import { startRedis } from '../dev/servers/redis.ts';
import type { LoadOrder, LoadReport, LoadResult } from './phone-process.ts';
import { processMicros } from './process-time.ts';
import { type Seed, storeReady } from './ready-answers.ts';

/** Requests are counted for each client as always, but no benchmark client reaches the limit. */
const countingAll = { CLIENT_RATE: '1000000', CLIENT_BURST: '1000000' };

/** A program that answers the same requests. */
export interface Contender {
  readonly name: string;
  /** The file that Node runs. It gets broker and Redis by MQTT_URL and REDIS_URL, and prints `ready`. */
  readonly program: string;
  /** How its profiles are stored in its Redis. */
  readonly seed: Seed;
  /** More settings for it. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How many contacts are in each profile; default none. */
  readonly contacts?: number;
  /** How many processes; default 1. */
  readonly processes?: number;
  /** The number of further profiles in Redis that nobody requests; default none. */
  readonly others?: number;
}

/** The usage of a process since its start, as `meter.mjs` reports it. */
export interface ProcessUsage {
  /** User and system time of all threads. */
  readonly cpuMicros: number;
  readonly peakMegabytes: number;
  readonly residentMegabytes: number;
  readonly hasLoadedSdk: boolean;
}

/** The usage of a contender's processes together, and of its servers. */
export interface Usage extends ProcessUsage {
  readonly redisMicros: number;
  readonly brokerMicros: number;
}

/** A contender that takes requests. An idle one costs the others nothing, so all of a run can be kept warm. */
export interface RunningContender {
  readonly name: string;
  readonly brokerPort: number;
  readonly contacts: number;
  readonly redisUrl: string;
  usage(): Promise<Usage>;
  /** Starts its processes again; broker, Redis and phones stay. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes phones send requests. */
export interface Load {
  /** @throws Error with the cause when an answer was wrong or missing. */
  run(order: LoadOrder): Promise<LoadResult>;
  stop(): Promise<void>;
}

const METER = new URL('meter.mjs', import.meta.url).href;
const LOAD = fileURLToPath(new URL('phone-process.ts', import.meta.url));
const START_TIMEOUT_MS = 20_000;
const MAX_OUTPUT = 16 * 1024;

/** Starts a contender with its own broker and Redis; sessions and profiles are stored when this returns. */
export async function startContender(contender: Contender, load: Load): Promise<RunningContender> {
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of started.splice(0).reverse()) await close();
  };
  try {
    const broker = await startMosquitto({ persistence: false, requestLimits: false });
    started.push(() => broker.stop());
    const redis = await startRedis();
    started.push(() => redis.stop());
    const { contacts = 0, processes = 1, others = 0 } = contender;
    await storeReady(redis.url, contacts, contender.seed);
    await storeOthers(redis.url, others);
    let children: ChildProcess[] = [];
    started.push(async () => {
      for (const child of children) await end(child);
    });
    const restart = async (): Promise<void> => {
      for (const child of children) await end(child);
      children = [];
      for (let count = 1; count <= processes; count++) {
        const child = startProgram(contender.program, {
          MQTT_URL: broker.url,
          MQTT_CLIENT_ID: `worker-${count}`,
          REDIS_URL: redis.url,
          ...countingAll,
          ...contender.settings,
        });
        children.push(child);
        await becomeReady(child);
      }
    };
    await restart();
    if (contender.seed === 'requests') await load.run({ port: broker.port, contacts, kind: 'seed' });
    const usage = async (): Promise<Usage> => ({
      ...sum(await Promise.all(children.map((child) => ask<ProcessUsage>(child, 'usage')))),
      redisMicros: processMicros(redis.pid),
      brokerMicros: processMicros(broker.pid),
    });
    return {
      name: contender.name,
      brokerPort: broker.port,
      contacts,
      redisUrl: redis.url,
      usage,
      restart,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts the process of the phones. */
export function startLoad(): Load {
  const child = fork(LOAD, { execArgv: process.execArgv });
  return {
    async run(order) {
      const report = await ask<LoadReport>(child, order);
      if ('error' in report) throw new Error(report.error);
      return report;
    },
    stop: () => end(child),
  };
}

function sum(usages: readonly ProcessUsage[]): ProcessUsage {
  const of = (key: 'cpuMicros' | 'peakMegabytes' | 'residentMegabytes'): number =>
    usages.reduce((total, usage) => total + usage[key], 0);
  return {
    cpuMicros: of('cpuMicros'),
    peakMegabytes: of('peakMegabytes'),
    residentMegabytes: of('residentMegabytes'),
    hasLoadedSdk: usages.some(({ hasLoadedSdk }) => hasLoadedSdk),
  };
}

/** Stores profiles in the worker's layout by copying them in Redis itself. */
async function storeOthers(url: string, count: number): Promise<void> {
  const redis = new Redis(url);
  const batch = 10_000;
  for (let from = 0; from < count; from += batch) {
    const to = Math.min(count, from + batch) - 1;
    await redis.eval(copyProfiles, 0, from, to, 'x'.repeat(780));
  }
  await redis.quit();
}

const copyProfiles = `for place = ARGV[1], ARGV[2] do
  redis.call('HSET', 'profile:{39' .. string.format('%010d', place) .. '}', 'version', 'v', 'update', '1700000000000',
    'balance', 'a', 'presence', 'd', 'settings', ARGV[3], 'services', 'j', 'outlines', 'j', 'rosters', 'j')
end`;

function startProgram(program: string, servers: Record<string, string>): ChildProcess {
  return fork(program, {
    // Passes only the needed variables: the developer's own settings must not change the figures.
    env: { PATH: process.env.PATH, ...servers, HTTP_PORT: '0' },
    execArgv: ['--import', METER],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

/** @returns when the program has printed `ready`. */
async function becomeReady(child: ChildProcess): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error(`a contender did not start; it printed:\n${output}`));
    const timer = setTimeout(fail, START_TIMEOUT_MS);
    child.once('exit', fail);
    const read = (text: string): void => {
      output = (output + text).slice(-MAX_OUTPUT);
      if (!/^ready$|"ready"/m.test(output)) return;
      clearTimeout(timer);
      child.off('exit', fail);
      resolve();
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
  });
}

/** Sends one message and waits for one reply. */
async function ask<Reply>(child: ChildProcess, message: LoadOrder | 'usage'): Promise<Reply> {
  const gone = new AbortController();
  const leave = (): void => gone.abort(new Error('a process of the benchmark ended before its time'));
  child.once('exit', leave);
  try {
    const reply = once(child, 'message', { signal: gone.signal });
    child.send(message);
    const [answer] = (await reply) as [Reply];
    return answer;
  } catch (error) {
    throw gone.signal.aborted ? gone.signal.reason : error;
  } finally {
    child.off('exit', leave);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
