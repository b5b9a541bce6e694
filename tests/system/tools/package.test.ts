/** The package that `npm pack` makes of the build: complete, working, and without internal files. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXIT_CONFIG } from '../../../src/config/error.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'profile-package-'));
after(() => rmSync(folder, { recursive: true }));

// Uses the existing build; a rebuild would remove it from tests that run meanwhile.
assert.ok(existsSync(join(root, 'dist/main.js')), 'npm run build has been run');
const [packed] = JSON.parse(
  execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
);
execFileSync('tar', ['-xzf', join(folder, packed.filename), '-C', folder]);
const content = join(folder, 'package');
const files = readdirSync(content, { recursive: true, encoding: 'utf8', withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(content.length + 1));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

test('the package is of this version, and has the program, its documents and everything needed to run it', () => {
  assert.equal(packed.filename, `profile-worker-${version}.tgz`);
  const folders = new Set(files.map((file) => file.replace(/\/.*/, '/')));
  assert.deepEqual(
    [...folders].sort(),
    [
      ...['.env.example', 'CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'],
      ...['deploy/', 'dist/', 'docs/', 'examples/', 'mosquitto/'],
    ].sort(),
  );
});

test('each source that belongs to the program is in the package, and no file for development or tests', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const program = sources.filter((file) => /\.(ts|lua)$/.test(file) && !/^dev\/|\.d\.ts$/.test(file));
  assert.ok(program.length > 50);
  for (const file of program) {
    const built = `dist/${file.replace(/\.ts$/, '.js')}`;
    assert.ok(files.includes(built), built);
  }
  const odd = files.filter((file) =>
    /(^|\/)(tests?|bench|dev|node_modules|data)\/|(?<!^dist\/etf\/[a-z]+\.d)\.ts$|\.(so|o|log|pem|key)$|(^|\/)\.env$/.test(
      file,
    ),
  );
  assert.deepEqual(odd, []);
});

test('the documents in the package link to no missing file, except to sources and tests', () => {
  for (const file of files.filter((name) => name.endsWith('.md'))) {
    const text = readFileSync(join(content, file), 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      const target = join(content, file, '..', link);
      const isElsewhere = /\/(src|dev|tests|bench)\//.test(`${target}/`);
      assert.ok(isElsewhere || existsSync(target), `${file}: ${link}`);
    }
  }
});

test('the codec of the package works alone, as its own page has it, with types', () => {
  const consumer = mkdtempSync(join(folder, 'consumer-'));
  mkdirSync(join(consumer, 'node_modules'));
  // Only what it needs: nothing else is installed here.
  cpSync(content, join(consumer, 'node_modules/profile-worker'), { recursive: true });
  const page = readFileSync(join(content, 'dist/etf/README.md'), 'utf8');
  const example = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code).join('');
  const said = [...example.matchAll(/\); {4}\/\/ (.*)$/gm)].map(([, line]) => line);
  assert.ok(said.length > 1);
  writeFileSync(join(consumer, 'example.mjs'), example);
  const run = execFileSync(process.execPath, ['example.mjs'], { cwd: consumer, encoding: 'utf8' });
  assert.deepEqual(run.trimEnd().split('\n'), said);
  const compile = (code: string) => {
    writeFileSync(join(consumer, 'example.mts'), code);
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...types];
    const tsc = join(root, 'node_modules/.bin/tsc');
    return spawnSync(tsc, [...options, 'example.mts'], { cwd: consumer, encoding: 'utf8' });
  };
  const { status, stdout } = compile(example);
  assert.equal(status, 0, stdout);
  assert.match(compile(`${example}const wrong: number = print(1);`).stdout, /TS2322/);
});

test('the program in the package starts, and reports its missing settings', () => {
  symlinkSync(join(root, 'node_modules'), join(content, 'node_modules'));
  const { main } = JSON.parse(readFileSync(join(content, 'package.json'), 'utf8'));
  const env = { PATH: process.env.PATH };
  const { status, stderr } = spawnSync(process.execPath, [join(content, main)], { encoding: 'utf8', env });
  assert.equal(status, EXIT_CONFIG, stderr);
  assert.match(stderr, /MQTT_URL is not set/);
});

test('the changelog has a heading for what is not released yet or for this version, and dates each release', () => {
  const headings = [...readFileSync(join(root, 'CHANGELOG.md'), 'utf8').matchAll(/^## (.*)$/gm)].map(
    ([, text = '']) => text,
  );
  assert.ok(headings[0] === 'Pending' || headings[0]?.startsWith(version), headings[0]);
  for (const heading of headings.slice(headings[0] === 'Pending' ? 1 : 0))
    assert.match(heading, /^\d+\.\d+\.\d+ – \d{4}-\d{2}-\d{2}$/);
});
