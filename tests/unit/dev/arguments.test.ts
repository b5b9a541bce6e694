/** The arguments of the npm scripts: usage at once, and one line for what is wrong. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { control, rows } from '../../../bench/flood/rows.ts';
import { goals } from '../../../bench/flood/run.ts';
import { usualMix } from '../../../bench/load/mix.ts';
import { faultOf } from '../../../dev/arguments.mjs';
import { scripts } from '../../../dev/scripts.mjs';
import { redisKinds } from '../../chaos/random-faults/redis-kinds.ts';
import { faultKinds } from '../../chaos/random-faults/timeline.ts';
import { targets } from '../../fuzz/targets.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const manifest: { scripts: Record<string, string> } = JSON.parse(read('package.json'));

/** A clone in which nothing is installed or built. */
const clone = mkdtempSync(join(tmpdir(), 'clone-'));
after(() => rmSync(clone, { recursive: true }));
for (const part of ['dev', 'deploy', 'package.json'])
  cpSync(join(root, part), join(clone, part), { recursive: true });

const run = (...line: string[]) => spawnSync(process.execPath, line, { cwd: clone, encoding: 'utf8' });

test('every npm script that runs a program of ours goes through the table', () => {
  for (const [name, line] of Object.entries(manifest.scripts)) {
    if (/dev\/(setup|run)\.mjs/.test(line) && name !== 'test') assert.equal(line, `node dev/run.mjs ${name}`);
    assert.ok(!/--import tsx (?!--test)/.test(line), name);
  }
});

for (const [name, { usage, options, program }] of Object.entries(scripts)) {
  test(`npm run ${name} -- --help prints its usage, where nothing is installed`, () => {
    for (const asked of ['--help', '-h']) {
      const { status, stdout, stderr } = run('dev/run.mjs', name, asked);
      assert.deepEqual([status, stdout, stderr], [0, `${usage}\n`, '']);
    }
    assert.ok(usage.startsWith(`npm run ${name}`));
    for (const option of Object.keys(options)) assert.match(usage, new RegExp(`--${option}\\b`));
  });

  test(`npm run ${name}: an unknown option is one line and exit code 2`, () => {
    const { status, stdout, stderr } = run('dev/run.mjs', name, '--no-such-option');
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^Unknown option '--no-such-option'; npm run .* -- --help shows what there is\n$/);
  });

  test(`${program} takes the options of the table`, { skip: !existsSync(join(root, program)) }, () => {
    const source = read(program);
    const taken = [...source.matchAll(/^ {4,8}(\w+): \{ type: '(?:string|boolean)'/gm)].map(
      ([, option]) => option,
    );
    if (taken.length > 0) assert.deepEqual(taken.toSorted(), Object.keys(options).toSorted());
  });
}

for (const [name, args, fault] of [
  ['dev', ['--inspect', 'abc'], '--inspect abc is no port (1 to 65535)'],
  ['dev', ['--inspect', '70000'], '--inspect 70000 is no port (1 to 65535)'],
  ['dev', ['--inspect'], "Option '--inspect <value>' argument missing"],
  ['dev', ['once'], 'once is no option'],
  ['flood', ['--seconds=soon'], '--seconds soon is no number above 0'],
  ['flood', ['nothing'], `nothing is none of ${[control, ...rows].map(({ name }) => name).join(', ')}`],
  ['flood', ['--clients=0'], '--clients 0 is no whole number above 0'],
  ['load', ['--arrivals', 'x'], '--arrivals x is none of poisson, even'],
  ['load', ['--rates', '1,,2'], '--rates 1,,2 is no numbers above 0, with commas between'],
  ['chaos', ['--redis', 'x'], `--redis x is none of ${redisKinds.join(', ')}`],
  ['chaos', ['--fault', 'kill', '--fault', 'x'], `--fault x is none of ${faultKinds.join(', ')}`],
  ['fuzz', ['--target', 'x'], `--target x is none of ${Object.keys(targets).join(', ')}`],
  ['pictures', ['x'], 'x is no option'],
] as const)
  test(`npm run ${name} -- ${args.join(' ')} is refused`, () => assert.equal(faultOf(name, args), fault));

test('right arguments pass', () => {
  assert.equal(
    faultOf('dev', ['--once', '--field', '--inspect', '9229', '--worker', 'dist/main.js']),
    undefined,
  );
  assert.equal(faultOf('chaos', ['--redis', 'single', '--redis', 'cluster', '--seed', '0']), undefined);
  assert.equal(faultOf('load', ['--rates', '1,2.5', '--mix', usualMix]), undefined);
  assert.equal(faultOf('bench', ['--quick', 'get', '--build', 'old=x.js']), undefined);
});

test('usages restate what stands in the programs', () => {
  assert.deepEqual(
    scripts.flood?.others,
    [control, ...rows].map(({ name }) => name),
  );
  for (const { name, does } of [control, ...rows])
    assert.ok(scripts.flood?.usage.includes(`${name.padEnd(14)}${does}\n`), name);
  assert.ok(scripts.flood?.usage.includes(`most ${goals.ratio} times`));
  assert.ok(scripts.flood?.usage.includes(`${goals.megabytes} MB`));
  for (const name of ['load', 'soak']) assert.ok(scripts[name]?.usage.includes(`--mix ${usualMix}`), name);
  assert.ok(scripts.chaos?.usage.includes(redisKinds.join(', ')));
  assert.ok(scripts.chaos?.usage.includes(faultKinds.join(', ')));
  const benchmarks = [...read('bench/main.ts').matchAll(/^ {2}\['([\w-]+)', bench/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual([...(scripts.bench?.others ?? [])].toSorted(), benchmarks.toSorted());
});

test('an old Node is told so by npm start and by the scripts, in the same words', () => {
  const old = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.20.8'}})";
  const asOld = ['--import', `data:text/javascript,${old}`];
  const sentence = 'Node.js 20.19 or newer is needed; this is 18.20.8. With nvm: nvm install && nvm use\n';
  assert.equal(manifest.scripts.prestart, 'node deploy/node-version.mjs');
  for (const line of [['deploy/node-version.mjs'], ['dev/run.mjs', 'dev'], ['dev/setup.mjs', 'dev']]) {
    const { status, stdout, stderr } = run(...asOld, ...line);
    assert.deepEqual([status, stdout, stderr], [1, '', sentence]);
  }
  assert.equal(run('deploy/node-version.mjs').status, 0);
});
