/** `profilectl doctor`: what works, what does not, and how to fix it. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startServices } from '../../../dev/servers/services.ts';
import { startHarness } from '../../harness/harness.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { profilectl } from '../../harness/profilectl.ts';
import { startWorker } from '../../harness/worker.ts';

const services = await startServices();
const { smtp, sts } = services;
const harness = await startHarness();
after(async () => {
  await services.stop();
  await harness.stop();
});

const servers = () => ({ MQTT_URL: harness.broker.url, REDIS_URL: harness.redis.url });

test('doctor finds no fault in a healthy system, also as JSON', async () => {
  const settings = { ...servers(), ...services.settings };
  const { exitCode, stdout, stderr } = await profilectl(settings, 'doctor', '--json');
  assert.equal(exitCode, 0, stdout + stderr);
  const findings = JSON.parse(stdout) as { check: string; state: string }[];
  assert.deepEqual(
    findings.map(({ check, state }) => `${check.split(' ', 1)[0]} ${state}`),
    ['broker ok', 'rights ok', 'plugin ok', 'worker ok', 'redis ok', 'mail ok', 'sts ok'],
  );
  assert.equal(smtp.mails().length, 0);
});

test('doctor reports what fails and how to fix it', async (t) => {
  const bare = await startHarness({ broker: { plugin: false } });
  t.after(() => bare.stop());
  await bare.worker.process.stop();
  sts.mode('AccessDenied');
  t.after(() => sts.mode('success'));
  const settings = {
    MQTT_URL: bare.broker.url,
    REDIS_URL: 'redis://127.0.0.1:1',
    ...services.settings,
    SMTP_URL: 'smtp://127.0.0.1:1',
  };
  const { exitCode, stdout, stderr } = await profilectl(settings, 'doctor');
  assert.equal(exitCode, 1);
  assert.match(stderr, /5 of 7 checks failed/);
  for (const [check, advice] of Object.entries({
    plugin: /client_identity\.so/,
    worker: /readyz/,
    redis: /REDIS_URL/,
    mail: /SMTP_URL/,
    sts: /trust policy/,
  })) {
    const line = stdout.split('\n').findIndex((each) => each.startsWith(`failed   ${check}`));
    assert.ok(line >= 0, stdout);
    assert.match(stdout.split('\n')[line + 1] ?? '', advice);
  }
  assert.ok(!stdout.includes('\u001b')); // Colours are for terminals.
  const away = await profilectl(
    { MQTT_URL: 'mqtt://127.0.0.1:1', REDIS_URL: harness.redis.url },
    'doctor',
    '--json',
  );
  assert.match(JSON.parse(away.stdout)[0].advice, /is the broker running/);
  assert.equal((await profilectl({}, 'doctor')).exitCode, 78);
});

test('where the broker requires passwords: the worker’s own user, and a client with its token', async (t) => {
  const broker = await startProductionBroker();
  t.after(() => broker.server.stop());
  const REDIS_URL = harness.redis.url;
  const worker = await startWorker({
    ...broker.settings('worker'),
    REDIS_URL,
    MQTT_CLIENT_ID: 'profile-guarded',
  });
  t.after(() => worker.process.stop());
  const states = ({ stdout }: { stdout: string }) =>
    (JSON.parse(stdout) as { check: string; state: string }[]).map(
      ({ check, state }) => `${check.split(' ', 1)[0]} ${state}`,
    );

  const own = await profilectl({ ...broker.settings('worker'), REDIS_URL }, 'doctor', '--json');
  assert.equal(own.exitCode, 0, own.stdout + own.stderr);
  assert.deepEqual(states(own).slice(0, 4), ['broker ok', 'rights ok', 'plugin skipped', 'worker skipped']);
  assert.match(own.stdout, /--token-file/);

  const admin = { ...broker.settings('admin'), REDIS_URL };
  const session = ['--client', 'emqttd_42', '--phone', '380501112233'];
  const { stdout: token } = await profilectl(admin, 'session', 'add', ...session);
  const file = join(tmpdir(), `profilectl-token-${process.pid}`);
  await writeFile(file, token, { mode: 0o600 });
  t.after(() => rm(file));
  const as = ['--client', 'emqttd_42', '--token-file', file];
  const client = await profilectl(admin, 'doctor', '--json', ...as);
  assert.deepEqual(states(client).slice(0, 4), ['broker ok', 'rights ok', 'plugin ok', 'worker ok']);
  const sent = await profilectl(admin, 'send', 'get', '--phone', '380501112233', ...as);
  assert.match(sent.stderr, /refused: \{io,\{error,not_found\},<<>>\}/);
  assert.ok(!(sent.stdout + sent.stderr).includes(token.trim()));

  await writeFile(file, 'another');
  const stranger = await profilectl(admin, 'doctor', '--json', ...as);
  assert.match(JSON.parse(stranger.stdout)[0].advice, /MQTT_PASSWORD/);
});
