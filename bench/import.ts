// `npm run bench:import`, or with fewer profiles: `npm run bench:import -- 10000`; with `etf` behind it, without text
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { checkArguments } from '../dev/arguments.mjs';
import { startRedis } from '../dev/servers/redis.ts';
import { atom, encode, print, type Term, tuple } from '../src/etf/index.ts';

/**
 * How long `profilectl import` takes for an old store of this many profiles, each with a session and a roster of 20 contacts that is joined by
 * its id; and what the process and Redis hold then. The dumps are made here, in ETF and as text.
 */
const profiles = Number(process.argv[2] ?? 100_000);
const contactsEach = 20;
/** Far less than the dumps: an import that held them would end. */
const heapMegabytes = 64;

const phone = (index: number): Buffer => Buffer.from(String(380_500_000_000 + (index % profiles)));
const name = (word: string): Buffer => Buffer.from(word);

/** As the header file of deployed servers has it. */
function contact(index: number): Term {
  const of = Buffer.from(`${phone(index)}_${(index % profiles) + 1}`);
  const names = [name('Олена'), name('Петренко'), name(`nick${index}`)];
  const times = [1_795_902_775_000, 1_795_902_775_000];
  return tuple(
    atom('Contact'),
    of,
    [],
    ...names,
    0,
    0,
    [],
    ...times,
    [],
    [],
    atom('offline'),
    atom('friend'),
  );
}

function roster(index: number): Term {
  const contacts = Array.from({ length: contactsEach }, (_, other) => contact(index + other + 1));
  const names = [name('Тарас'), name('Шевченко'), [], name(`nick${index}`)];
  const rest = [[], [], [], phone(index), [], 1_795_902_775_000, []];
  return tuple(atom('Roster'), index + 1, ...names, contacts, ...rest);
}

function profile(index: number): Term {
  const setting = tuple(
    atom('Feature'),
    name(`f${index}`),
    name('LANGUAGE'),
    name('uk'),
    name('LANGUAGE_SETTINGS'),
  );
  return tuple(
    atom('Profile'),
    phone(index),
    [],
    [index + 1],
    [setting],
    1_795_902_775_000,
    0,
    atom('offline'),
    [],
  );
}

function auth(index: number): Term {
  const head = [
    name(`emqttd_${index}`),
    name('key'),
    [],
    phone(index),
    name(`token${index}`),
    atom('verified'),
  ];
  return tuple(atom('Auth'), ...head, [], [], [], [], [], atom('ios'), 1, 2);
}

type Write = (term: Term) => Uint8Array;
const etf: Write = encode;
const erlang: Write = (term) => Buffer.from(`${print(term)}.\n`);

async function dump(path: string, write: Write): Promise<void> {
  function* terms(): Generator<Uint8Array> {
    for (const make of [profile, roster, auth])
      for (let index = 0; index < profiles; index++) yield write(make(index));
  }
  await pipeline(Readable.from(terms()), createWriteStream(path));
}

interface Usage {
  readonly peakMegabytes: number;
  readonly cpuMicros: number;
}

/** Peak memory in MB and processor seconds, asked again and again until the process ends. */
function watchUsage(child: ChildProcess): () => Usage {
  let last: Usage = { peakMegabytes: 0, cpuMicros: 0 };
  child.on('message', (usage: Usage) => {
    last = usage;
  });
  const timer = setInterval(() => child.connected && child.send('usage', () => undefined), 100);
  child.once('exit', () => clearInterval(timer));
  return () => last;
}

async function run(path: string, redisUrl: string, ...options: string[]): Promise<string> {
  const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const meter = fileURLToPath(new URL('meter.mjs', import.meta.url));
  const env = { PATH: process.env.PATH, MQTT_URL: 'mqtt://127.0.0.1', REDIS_URL: redisUrl };
  const line = ['import', '--redis-only', '--json', ...options, path];
  const began = performance.now();
  const child = fork(program, line, {
    env,
    execArgv: [`--max-old-space-size=${heapMegabytes}`, '--import', meter],
    silent: true,
  });
  const usage = watchUsage(child);
  const [out] = await Promise.all([text(child.stdout ?? Readable.from([])), once(child, 'exit')]);
  const seconds = (performance.now() - began) / 1_000;
  const { profiles: counts } = JSON.parse(out);
  const done = counts.imported + counts.there;
  const { peakMegabytes, cpuMicros } = usage();
  const cpu = `${Math.round(cpuMicros / done)} µs of processor each`;
  const rate = `${Math.round(done / seconds)} a second`;
  return `${done} profiles in ${seconds.toFixed(1)} s, ${rate}, ${cpu}, peak ${Math.round(peakMegabytes)} MB`;
}

checkArguments('bench:import');
const folder = await mkdtemp(join(tmpdir(), 'bench-import-'));
try {
  for (const [form, write] of Object.entries(process.argv[3] === 'etf' ? { etf } : { etf, erlang })) {
    const redis = await startRedis();
    try {
      const path = join(folder, form);
      await dump(path, write);
      const megabytes = Math.round((await stat(path)).size / 1e6);
      console.log(
        `${form}, ${megabytes} MB: ${profiles} profiles, rosters of ${contactsEach} contacts, sessions`,
      );
      console.log(`  dry run:    ${await run(path, redis.url, '--dry-run')}`);
      console.log(`  import:     ${await run(path, redis.url)}`);
      console.log(`  once more:  ${await run(path, redis.url)}`);
    } finally {
      await redis.stop();
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
