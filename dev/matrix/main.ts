/**
 * `npm run matrix [-- --smoke --on=NAME files or folders …]`: the system tests on newer servers and Nodes than this machine has.
 * What cannot be fetched is skipped, and a sentence says why. Exit code 1 when a test fails.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkArguments } from '../arguments.mjs';
import { fetchNode, type Suite, Unavailable, unpackSuite } from './newer.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const logs = join(root, '.cache', 'matrix', 'logs');

interface Combination {
  readonly name: string;
  readonly broker: string;
  readonly store: { readonly suite: string; readonly server: 'redis' | 'valkey' };
  readonly node: number;
  /** What of the tests runs in CI, within its time: what each of the servers is asked for, once. */
  readonly smoke: readonly string[];
}

/** `npm test` itself runs on the oldest of each. Each newer one is in at least one line. */
const combinations: readonly Combination[] = [
  {
    name: 'newest',
    broker: 'sid',
    store: { suite: 'sid', server: 'valkey' },
    node: 26,
    smoke: [
      ...['get', 'set', 'update', 'link', 'email', 'aws', 'remove', 'migrate', 'phone'].map(
        (kind) => `tests/system/requests/${kind}.test.ts`,
      ),
      'tests/system/broker/role-matrix.test.ts',
      'tests/system/broker/client-identity.test.ts',
      'tests/system/field/shared-user-name.test.ts',
      'tests/hostile/no-worker-hints.test.ts',
      'tests/hostile/plugin-options.test.ts',
    ],
  },
  {
    name: 'redis-8',
    broker: 'sid',
    store: { suite: 'sid', server: 'redis' },
    node: 24,
    smoke: [
      'tests/system/redis/batched-reads.test.ts',
      'tests/system/redis/batched-scripts.test.ts',
      'tests/system/redis/leases.test.ts',
      'tests/system/redis/least-rights.test.ts',
    ],
  },
  { name: 'trixie', broker: 'trixie', store: { suite: 'trixie', server: 'redis' }, node: 22, smoke: [] },
  { name: 'valkey-8', broker: 'trixie', store: { suite: 'trixie', server: 'valkey' }, node: 26, smoke: [] },
];

interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** @returns undefined when it was skipped. */
async function tried(combination: Combination, files: readonly string[]): Promise<Result | undefined> {
  if (files.length === 0) return undefined;
  try {
    const broker = (await unpackSuite(combination.broker)).mosquitto;
    const store = serverOf(combination, await unpackSuite(combination.store.suite));
    const node = await fetchNode(combination.node);
    console.log(`${combination.name}: ${versions(broker, store, node)}; ${files.length} files`);
    const env = {
      ...process.env,
      MOSQUITTO: broker,
      REDIS: store,
      PATH: `${node}${delimiter}${process.env.PATH ?? ''}`,
    };
    return await runTests(combination.name, files, env);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.log(`${combination.name}: skipped, since ${error.message}`);
    return undefined;
  }
}

const serverOf = ({ store }: Combination, suite: Suite): string => suite[store.server];

function versions(broker: string, store: string, node: string): string {
  const first = (program: string, flag: string): string => {
    try {
      return execFileSync(program, [flag], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      // Mosquitto prints its help, and its version, with an exit code of failure.
      return String((error as { stdout?: string }).stdout);
    }
  };
  const mosquitto = /\d+\.\d+\.\d+/.exec(first(broker, '-h'))?.[0];
  const redis = /^(\w+) server v=(\S+)/.exec(first(store, '--version'));
  return `Mosquitto ${mosquitto}, ${redis?.[1]} ${redis?.[2]}, Node ${first(join(node, 'node'), '--version').trim()}`;
}

async function runTests(name: string, files: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> {
  const log = join(logs, `${name}.log`);
  const flags = [
    '--import',
    'tsx',
    '--test',
    '--test-reporter=spec',
    '--test-timeout=900000',
    '--test-concurrency=4',
  ];
  const child = spawn('node', [...flags, ...files], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = createWriteStream(log);
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  const [status, signal] = await once(child, 'close');
  output.end();
  await once(output, 'finish');
  const text = readFileSync(log, 'utf8');
  const count = (word: string): number => Number(new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  const result = {
    passed: count('pass'),
    failed: status === 0 ? 0 : Math.max(failed, 1),
    skipped: count('skipped'),
  };
  console.log(`${name}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`);
  if (result.failed > 0 && failed === 0)
    console.log(`  the test runner ended early: ${signal ?? `exit code ${status}`}`);
  if (result.failed > 0) console.log(failures(text), `\n  the whole log: ${log}`);
  return result;
}

/** What stands below the last headline of the reporter. */
const failures = (text: string): string => (/failing tests:.*$/s.exec(text)?.[0] ?? '').slice(0, 20_000);

/** @param path - a test file, or a folder of them. */
function testFiles(path: string): string[] {
  const absolute = join(root, path);
  if (!existsSync(absolute)) throw new Error(`${path} is neither a test file nor a folder of them`);
  if (statSync(absolute).isFile()) return [path];
  const names = readdirSync(absolute, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join(path, name));
}

checkArguments('matrix');
const words = process.argv.slice(2);
const smoke = words.includes('--smoke');
const only = words.find((word) => word.startsWith('--on='))?.slice('--on='.length);
const named = words.filter((word) => !word.startsWith('--'));
mkdirSync(logs, { recursive: true });
const total = { passed: 0, failed: 0, skipped: 0 };
for (const combination of combinations) {
  if (only !== undefined && combination.name !== only) continue;
  const paths = named.length > 0 ? named : smoke ? combination.smoke : ['tests/system'];
  const result = await tried(combination, paths.flatMap(testFiles).sort());
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += result?.[key] ?? 0;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
