/** What a real engine does with docker-compose.yml and the Dockerfiles: owners, modes, health, restarts, what stays behind. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { readSettings, settingNames } from '../../../src/config/settings.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: unknown;
  readonly pull_policy?: string;
  readonly restart?: string;
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly logging?: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly start_interval: string;
  };
}

const text = read('docker-compose.yml');
const services = Object.entries(parse(text, { merge: true }).services as Record<string, Service>);
const service = (name: string): Service =>
  services.find(([candidate]) => candidate === name)?.[1] ?? assert.fail(`no service ${name}`);
const header = text.slice(0, text.indexOf('\nname: '));
const dockerfiles = ['Dockerfile', 'mosquitto/Dockerfile'];

test('every tmpfs but /tmp names its mode, or it belongs to root and nobody else can write to it', () => {
  const mounts = services.flatMap(([, { tmpfs = [] }]) => tmpfs);
  assert.ok(mounts.length > 5);
  for (const mount of mounts) assert.match(mount, /^\/tmp$|^\/[\w/]+:mode=1777$/);
});

test('`up --wait` waits for workers that are ready, and no check starts a Node or talks MQTT', () => {
  for (const name of ['worker', 'cluster-worker'])
    assert.deepEqual(service(name).healthcheck?.test, ['CMD', 'healthy', '/readyz']);
  for (const [name, { healthcheck }] of services) {
    if (name === 'redis-cluster') continue; // It ends.
    assert.ok(healthcheck, name);
    assert.doesNotMatch(healthcheck.test.join(' '), /\bnode\b|mosquitto_/, name);
    assert.ok(Number.parseInt(healthcheck.interval, 10) >= 10 && healthcheck.start_interval === '1s', name);
  }
});

test('the broker’s check looks for the port that compose.d opens', () => {
  const [, port = ''] = /^listener (\d+)$/m.exec(read('mosquitto/compose.d/development.conf')) ?? [];
  const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
  assert.ok(service('mosquitto').healthcheck?.test.some((word) => word.startsWith(`:${hex} `)));
});

test('what is built is built at each `up`, so that no old image stays after a pull', () => {
  const built = services.filter(([, { build }]) => build !== undefined);
  assert.ok(built.length >= 4);
  for (const [name, { pull_policy }] of built) assert.equal(pull_policy, 'build', name);
});

test('nothing is started for ever, and all logs rotate', () => {
  for (const [name, { restart, logging }] of services) {
    assert.match(restart ?? '', /^on-failure:\d$/, name);
    assert.deepEqual(Object.keys(logging?.options ?? {}), ['max-size', 'max-file'], name);
  }
});

test('no anonymous volume is made: each path that an image declares as a volume is mounted', () => {
  const declared: Record<string, readonly string[]> = {
    redis: ['/data'],
    mosquitto: ['/mosquitto/data', '/mosquitto/log'],
    'prom/prometheus': ['/prometheus'],
  };
  for (const [name, { image, build, volumes = [], tmpfs = [] }] of services) {
    const base = JSON.stringify(build ?? '').includes('mosquitto') ? 'mosquitto' : image?.split(':')[0];
    const mounted = [
      ...volumes.map((volume) => volume.split(':')[1]),
      ...tmpfs.map((mount) => mount.split(':')[0]),
    ];
    for (const path of declared[base ?? ''] ?? []) assert.ok(mounted.includes(path), `${name}: ${path}`);
  }
});

test('the header names every variable that the file reads', () => {
  const variables = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name));
  assert.ok(variables.size > 10);
  for (const name of variables) assert.match(header, new RegExp(`\\b${name}\\b`), name);
});

test('a copy of .env.example as .env changes no worker, and QA stays on', () => {
  const copied = Object.fromEntries(
    [...read('.env.example').matchAll(/^([A-Z]\w*)=(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  const withEnv = (env: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(service('worker').environment ?? {})
        .filter(([name]) => name === 'NODE_ENV' || settingNames.includes(name))
        .map(([name, value]) => [
          name,
          `${value}`.replace(/\$\{(\w+):-(.*)\}$/, (_, variable, preset) => env[variable] || preset),
        ]),
    );
  assert.deepEqual(withEnv(copied), withEnv({}));
  assert.deepEqual(readSettings(withEnv(copied)).qa, { text: true, mirror: true });
});

test('who may read what is copied from the tree is said, whatever the umask of the clone was', () => {
  for (const file of dockerfiles) {
    const copies = [...read(file).matchAll(/^COPY (.*)$/gm)].map(([, words = '']) => words);
    assert.ok(copies.length >= 3);
    for (const words of copies) if (!words.includes('--from=')) assert.match(words, /--chmod=0\d{3} /, file);
  }
});

test('what is mounted from the tree lies in one folder, and the header says how to open it', () => {
  const binds = services.flatMap(([, { volumes = [] }]) =>
    volumes.filter((volume) => volume.startsWith('.')),
  );
  assert.ok(binds.length > 0);
  for (const bind of binds) assert.match(bind, /^\.\/deploy\/.*:ro$/);
  assert.match(header, /`chmod -R go\+rX deploy`/);
});

test('every image has a full version and a digest, and a line for those who renew them', () => {
  const used = [
    ...[...text.matchAll(/^(.*)\n +image: (?:&\w+ )?([^*\s].*)$/gm)].map(([, before, image]) => ({
      before,
      image,
    })),
    ...dockerfiles.flatMap((file) =>
      [...read(file).matchAll(/^(.*)\n(?:FROM |ARG MOSQUITTO=)([\w/-]+:\S+)/gm)].map(([, before, image]) => ({
        before,
        image,
      })),
    ),
  ];
  assert.equal(used.length, 6);
  for (const { before, image } of used) {
    assert.match(image ?? '', /^[\w/-]+:v?\d+\.\d+\.\d+[\w-]*@sha256:[0-9a-f]{64}$/);
    const [name] = image?.split(':') ?? [];
    assert.match(before ?? '', new RegExp(`# renovate: datasource=docker depName=${name}\\b`));
  }
});
