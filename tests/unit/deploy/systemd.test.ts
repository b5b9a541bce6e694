import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXIT_CONFIG } from '../../../src/config/error.ts';
import { readSettings, settingNames } from '../../../src/config/settings.ts';

const min = { MQTT_URL: 'mqtt://broker.example.org', REDIS_URL: 'redis://redis.example.org' };
const root = fileURLToPath(new URL('../../../', import.meta.url));
const unit = readFileSync(join(root, 'deploy/systemd/profile-worker@.service'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'profile-systemd-'));
after(() => rmSync(folder, { recursive: true }));

const all = (directive: string): string[] =>
  [...unit.matchAll(new RegExp(`^${directive}=(.*)$`, 'gm'))].map(([, value = '']) => value);

/** `Environment=` may have several assignments. */
const environment = Object.fromEntries(
  all('Environment').flatMap((line) => line.split(' ').map((pair) => pair.split('=', 2) as [string, string])),
);

/** systemd itself checks the unit; the program's path is replaced by one of this machine. */
function analyze(...words: string[]): { status: number | null; output: string } {
  const file = join(folder, 'profile-worker@.service');
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [...words, file], { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

const isMissing = spawnSync('systemd-analyze', ['--version']).status !== 0 && process.platform === 'darwin';

test('systemd finds no fault in the unit', { skip: isMissing && 'macOS has no systemd' }, () => {
  const { status, output } = analyze('verify', '--man=no');
  assert.equal(output, '');
  assert.equal(status, 0);
});

test('systemd rates the exposure of the unit as low', { skip: isMissing && 'macOS has no systemd' }, () => {
  const { status, output } = analyze('security', '--offline=true', '--threshold=20');
  assert.equal(status, 0, output.slice(-300));
});

test('the unit sets only existing settings, and a worker would start with them', () => {
  const names = Object.keys(environment).map((name) => name.replace(/_FILE$/, ''));
  assert.deepEqual(
    names.filter((name) => name !== 'NODE_ENV' && !settingNames.includes(name)),
    [],
  );
  const plain = Object.entries(environment).filter(([name]) => !name.endsWith('_FILE'));
  const given = Object.fromEntries(
    plain.map(([name, value]) => [name, value.replace('%i', '1').replace('%H', 'one')]),
  );
  const settings = readSettings({
    ...given,
    ...min,
  });
  assert.equal(settings.mqtt.clientId, 'profile-one-1');
  assert.equal(settings.http.host, '127.0.0.1');
});

test('each instance has a port of its own, the tenth too', () => {
  const ports = ['1', '2', '10', '64'].map((instance) => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', printing(instance)], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return readSettings({ ...min, HTTP_PORT: stdout.trim() }).http.port;
  });
  assert.deepEqual(ports, [8081, 8082, 8090, 8144]);
});

/** What the unit hands the shell, with a program that prints its port instead of the worker. */
function printing(instance: string): string {
  const [line = ''] = all('ExecStart');
  const [, script = ''] = /^\/bin\/sh -c '(.*)'$/.exec(line) ?? [];
  assert.match(script, / exec \/usr\/bin\/node \S+$/);
  const expanded = script.replaceAll('%i', instance).replaceAll('$$', () => '$');
  return expanded.replace(/exec \S+ \S+$/, 'exec printenv HTTP_PORT');
}

test('the page enables the instances after it has made each file that the unit needs', () => {
  const page = readFileSync(join(root, 'docs/production.md'), 'utf8');
  const enabled = page.indexOf('systemctl enable --now profile-worker@');
  const loaded = all('LoadCredential').map((line) => line.split(':')[0] ?? '');
  for (const needed of [...loaded, 'settings.env', 'profile-worker@.service', 'daemon-reload'])
    assert.ok(page.slice(page.indexOf('## The workers'), enabled).includes(needed), needed);
  assert.ok(enabled > 0);
  assert.doesNotMatch(unit, /systemctl enable/);
});

test('each secret that the unit names is a credential that it loads, and the other way round', () => {
  const named = Object.entries(environment).filter(([name]) => name.endsWith('_FILE'));
  assert.deepEqual(
    named.map(([, file]) => file).sort(),
    all('LoadCredential')
      .map((line) => `%d/${line.split(':')[0]}`)
      .sort(),
  );
});

test('the unit runs the program of package.json, gives it longer than SHUTDOWN_TIMEOUT_MS to end, and does not restart it on bad settings', () => {
  const { main } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.match(all('ExecStart').join(), new RegExp(`/${main.replace('.', '\\.')}'$`));
  const preset = /^SHUTDOWN_TIMEOUT_MS=(\d+)/m.exec(readFileSync(join(root, '.env.example'), 'utf8'))?.[1];
  assert.ok(Number(all('TimeoutStopSec')[0]) * 1000 > Number(preset));
  assert.deepEqual(all('RestartPreventExitStatus'), [String(EXIT_CONFIG)]);
});
