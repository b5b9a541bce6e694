/** The installed packages: pinned, from a registry, under usable licences, and each for a reason. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } =
  JSON.parse(read('package.json'));
const packages = Object.entries(
  JSON.parse(read('package-lock.json')).packages as Record<string, Locked>,
).filter(([path]) => path !== '');
const isShipped = ({ dev = false, devOptional = false }: Locked): boolean => !dev && !devOptional;

test('every package is exactly the one of the registry: by its hash, and from no other place', () => {
  assert.ok(packages.length > 100);
  for (const [path, { integrity = '', resolved, link }] of packages) {
    assert.match(integrity, /^sha512-/, path);
    assert.equal(link, undefined, path);
    assert.equal(
      resolved,
      undefined,
      `${path} names no place, so that the installing machine chooses the registry`,
    );
  }
});

test('every version is pinned exactly', () => {
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  for (const [name, version] of wanted) assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
});

test('each test that docs/threats.md names exists', () => {
  const named = [...read('docs/threats.md').matchAll(/`(?:node [^`]*)?(tests\/[\w/*.-]+\.test\.ts)`/g)].map(
    ([, path = '']) => path,
  );
  assert.ok(named.length > 20);
  for (const path of named) assert.ok(read(path.replace('*', '')).length > 0, path);
});

/** They ask for nothing but their text to be kept; those of the second list ask more, and are only used to build and test. */
const free =
  /^(MIT|MIT-0|ISC|0BSD|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|MIT OR Apache-2\.0|Apache-2\.0 AND MIT|\(MIT OR EUPL-1\.1\+\)|\(MIT AND Zlib\))$/;
const forTools = /^(MPL-2\.0|CC0-1\.0|OFL-1\.1|CC-BY-4\.0|BlueOak-1\.0\.0|Python-2\.0|Unlicense)$/;

test('shipped packages have a licence that only requires its text to be kept', () => {
  for (const [path, locked] of packages) {
    const { license = 'none' } = locked;
    if (isShipped(locked)) assert.match(license, free, path);
    else assert.ok(free.test(license) || forTools.test(license), `${path}: ${license}`);
  }
});

test('docs/architecture.md gives a reason for each run-time dependency, and for no other', () => {
  const [, section = ''] = /^## Dependencies\n(.*)/ms.exec(read('docs/architecture.md')) ?? [];
  const explained = [...section.matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, name]) => name);
  assert.deepEqual(explained.sort(), Object.keys(manifest.dependencies).sort());
});

const run = (script: string): string =>
  execFileSync('npm', ['run', '-s', script], {
    cwd: new URL('../../../', import.meta.url),
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
const shipped = packages
  .filter(([, locked]) => isShipped(locked))
  .map(([path, { version, license }]) => `${path.replace(/^.*node_modules\//, '')} ${version}: ${license}`);

test('the list of licences has each shipped package and no other, each with its text', () => {
  const [list = '', ...texts] = run('licences').split(/^─+$/m);
  assert.deepEqual(list.trim().split('\n'), shipped);
  assert.deepEqual(
    texts.map((text) => text.trim().split('\n')[0]),
    shipped,
  );
  const without = texts.filter((text) => text.includes('has no text of its licence'));
  assert.ok(without.length < shipped.length / 10, without.join());
});

test('the bill of materials has each shipped package, and this project by its name', () => {
  const bill = JSON.parse(run('sbom'));
  const named = new Set(
    bill.components.map((each: { name: string; version: string }) => `${each.name} ${each.version}`),
  );
  for (const line of shipped) assert.ok(named.has(line.replace(/:.*/, '')), line);
  assert.equal(bill.metadata.component.name, 'profile-worker');
});

test('the image has labels that say which commit it is, from where and when', () => {
  const [, image = ''] = /^FROM base AS worker\n(.*)/ms.exec(read('Dockerfile')) ?? [];
  const given = [...image.matchAll(/^ARG (\w+)=/gm)].map(([, name = '']) => name);
  assert.deepEqual(given, ['VERSION', 'REVISION', 'CREATED', 'SOURCE']);
  for (const name of given) {
    assert.ok(image.includes(`org.opencontainers.image.${name.toLowerCase()}="\${${name}}"`), name);
    assert.match(read('docs/deployment.md'), new RegExp(`--build-arg ${name}=\\S+`));
  }
});

test('SECURITY.md names the version that gets mends', () => {
  const { version }: { version: string } = JSON.parse(read('package.json'));
  assert.ok(read('SECURITY.md').includes(`| the newest minor (${version.replace(/\.\d+$/, '')}) |`));
});
