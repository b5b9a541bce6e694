/** What the program says when it starts: its version, unknown settings, and why it does not start. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { after, test } from 'node:test';
import { startHarness } from '../../harness/harness.ts';
import { profilectl } from '../../harness/profilectl.ts';
import { workerArguments } from '../../harness/program.ts';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
const harness = await startHarness({ settings: { MQTT_URLS: 'mqtt://user:secret@broker' } });
after(() => harness.stop());

const servers = () => ({ MQTT_URL: harness.broker.url, REDIS_URL: harness.redis.url });

function run(words: readonly string[], settings: Readonly<Record<string, string>> = {}) {
  const env = { PATH: process.env.PATH, ...settings };
  return spawnSync('node', [...workerArguments, ...words], { env, encoding: 'utf8', timeout: 60_000 });
}

test('the first line of the log has the version', () => {
  const [first] = harness.worker.log();
  assert.equal(first?.msg, 'starting');
  assert.equal(first?.version, version);
});

test('a metric has the version', async () => {
  assert.equal(await harness.metric(`profile_build_info{version="${version}"}`), 1);
});

test('--version prints it, of the worker and of profilectl, without any setting', async () => {
  const worker = run(['--version']);
  assert.deepEqual([worker.status, worker.stdout, worker.stderr], [0, `${version}\n`, '']);
  const cli = await profilectl({}, '--version');
  assert.deepEqual(cli, { exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

test('unknown settings are named in a warning, without their values', () => {
  const lines = harness.worker.log().filter(({ level }) => level === 'warn');
  assert.deepEqual(lines.map(({ msg, names }) => ({ msg, names })).at(0), {
    msg: 'unknown settings have no effect: MQTT_URLS (MQTT_URL?)',
    names: ['MQTT_URLS'],
  });
  assert.ok(!harness.worker.process.log().includes('secret'));
});

test('a port that is taken is named with its setting, without a stack', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const settings = { ...servers(), HTTP_HOST: '127.0.0.1', HTTP_PORT: `${port}`, LOG_LEVEL: 'warn' };
  const { status, stderr } = run([], settings);
  assert.equal(status, 1);
  assert.equal(stderr, `HTTP_PORT: another program listens on port ${port}; 0 turns the HTTP server off\n`);
});

test('an address that this machine does not have is named with its setting', () => {
  const { status, stderr } = run([], { ...servers(), HTTP_HOST: '192.0.2.1', LOG_LEVEL: 'warn' });
  assert.equal(status, 1);
  assert.equal(stderr, 'HTTP_HOST: this machine has no address 192.0.2.1\n');
});
