/** `profilectl doctor`: what works, what does not, and how to fix it. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { selfSignedCertificate } from '../../../dev/servers/certificate.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import { mailSettings, startServices, stsSettings } from '../../../dev/servers/services.ts';
import { type SmtpOptions, startSmtp } from '../../../dev/servers/smtp.ts';
import { startHarness } from '../../harness/harness.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { profilectl } from '../../harness/profilectl.ts';
import { startWorker } from '../../harness/worker.ts';

const services = await startServices();
const { smtp, sts } = services;
const harness = await startHarness({ redis: {} });
after(async () => {
  await services.stop();
  await harness.stop();
});

const healthy = [
  'settings ok',
  'broker ok',
  'rights ok',
  'subscription ok',
  'plugin ok',
  'worker ok',
  'size ok',
  'redis ok',
  'redis write ok',
  'redis scripts ok',
  'redis clock ok',
  'redis memory ok',
  'mail ok',
  'sts ok',
  'sts role ok',
];

const servers = () => ({ MQTT_URL: harness.broker.url, REDIS_URL: harness.redis.url });

test('doctor finds no fault in a healthy system, also as JSON', async () => {
  const settings = { ...servers(), ...services.settings };
  const { exitCode, stdout, stderr } = await profilectl(settings, 'doctor', '--json');
  assert.equal(exitCode, 0, stdout + stderr);
  const findings = JSON.parse(stdout) as { check: string; state: string }[];
  assert.deepEqual(
    findings.map(({ check, state }) => `${check.replace(/ 127.*$/, '')} ${state}`),
    healthy,
  );
  assert.equal(smtp.mails().length, 0);
  assert.deepEqual(await harness.database.keys('*doctor*'), []);
});

/** The failed checks with what was seen. */
function failed({ stdout }: { readonly stdout: string }): string[] {
  const findings = JSON.parse(stdout) as { check: string; state: string; saw: string }[];
  return findings
    .filter(({ state }) => state === 'failed')
    .map(({ check, saw }) => `${check.replace(/ 127.*$/, '')}: ${saw}`);
}

test('doctor reports what fails and how to fix it', async (t) => {
  const bare = await startHarness({ redis: {}, broker: { plugin: false } });
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
  assert.match(stderr, /5 of 11 checks failed/);
  for (const [check, advice] of Object.entries({
    plugin: /client_identity\.so/,
    worker: /readyz/,
    redis: /REDIS_URL/,
    mail: /SMTP_URL/,
    'sts role': /trust policy/,
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
  assert.match(JSON.parse(away.stdout)[1].advice, /is the broker running/);
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
  assert.deepEqual(states(own).slice(1, 6), [
    'broker ok',
    'rights ok',
    'subscription skipped',
    'plugin skipped',
    'worker skipped',
  ]);
  assert.match(own.stdout, /--token-file/);

  const admin = { ...broker.settings('admin'), REDIS_URL };
  const session = ['--client', 'emqttd_42', '--phone', '380501112233'];
  const { stdout: token } = await profilectl(admin, 'session', 'add', ...session);
  const file = join(tmpdir(), `profilectl-token-${process.pid}`);
  await writeFile(file, token, { mode: 0o600 });
  t.after(() => rm(file));
  const as = ['--client', 'emqttd_42', '--token-file', file];
  const client = await profilectl({ ...broker.settings('worker'), REDIS_URL }, 'doctor', '--json', ...as);
  assert.equal(client.exitCode, 0, client.stdout + client.stderr);
  assert.deepEqual(states(client).slice(1, 6), healthy.slice(1, 6));
  const sent = await profilectl(admin, 'send', 'get', '--phone', '380501112233', ...as);
  assert.match(sent.stderr, /refused: \{io,\{error,not_found\},<<>>\}/);
  assert.ok(!(sent.stdout + sent.stderr).includes(token.trim()));

  // The user of administrators is none of a worker's, and that of a worker manages no clients.
  const wrong = await profilectl({ ...admin, MQTT_DYNAMIC_SECURITY: 'on' }, 'doctor', '--json');
  assert.deepEqual(failed(wrong), [
    'rights: this user may not subscribe to $share/+/events/1/+/api/+/+/+, nor publish to actions/1/api/+/#, nor publish to ses/+',
  ]);
  const unmanaged = { ...broker.settings('worker'), REDIS_URL, MQTT_DYNAMIC_SECURITY: 'on' };
  assert.deepEqual(failed(await profilectl(unmanaged, 'doctor', '--json')), [
    'clients: the broker lets this user name manage no clients (dynamic-security)',
  ]);

  await writeFile(file, 'another');
  const stranger = await profilectl(admin, 'doctor', '--json', ...as);
  assert.match(JSON.parse(stranger.stdout)[1].advice, /MQTT_PASSWORD/);
});

test('an ACL that lets clients name only themselves needs no plugin', async (t) => {
  const guarded = await startHarness({ redis: {}, broker: { plugin: false } });
  t.after(() => guarded.stop());
  const rules = [
    'topic readwrite $share/#',
    'topic readwrite actions/#',
    'topic readwrite ses/#',
    'topic read events/#',
    'pattern write events/1/+/api/+/%c/+',
  ];
  await writeFile(join(guarded.broker.folder, 'acl'), `${rules.join('\n')}\n`);
  await guarded.broker.restart();
  await guarded.worker.idle();
  const settings = { MQTT_URL: guarded.broker.url, REDIS_URL: guarded.redis.url };
  const seen = await profilectl(settings, 'doctor', '--json');
  assert.equal(seen.exitCode, 0, seen.stdout + seen.stderr);
  assert.match(seen.stdout, /the broker takes no request in another client’s name/);
});

describe('Redis', () => {
  const doctor = (url: string, more: Record<string, string> = {}) =>
    profilectl({ ...servers(), REDIS_URL: url, ...more }, 'doctor', '--json');

  test('one missing right is named, and is told from a Redis that is not there', async () => {
    const { database, redis } = harness;
    for (const [user, rights] of Object.entries({
      able: '~* +@all -@admin',
      unsorted: '~* +@all -zadd -zscore',
      unwritten: '~* +@all -set',
      elsewhere: '~other:* +@all',
      // The outbox's count of bytes begins with a brace.
      braceless: '~rate:* +@all',
    }))
      await database.acl('SETUSER', user, 'on', '>secret', ...rights.split(' '));
    const as = (user: string, password = 'secret') =>
      doctor(redis.url.replace('://', `://${user}:${password}@`));
    assert.deepEqual(failed(await as('able')), []);
    assert.deepEqual(failed(await as('unsorted')), [
      'redis scripts: our user may not run ZADD, ZSCORE (NOPERM)',
    ]);
    assert.match(failed(await as('unwritten')).join(), /redis write: our user may not run SET \(NOPERM\)/);
    assert.match(failed(await as('elsewhere')).join(), /redis write: .*\(NOPERM\)/);
    assert.match(failed(await as('braceless')).join(), /redis write: .*\(NOPERM\)/);
    assert.match(failed(await as('able', 'wrong')).join(), /^redis: .*\(WRONGPASS\)$/);
    assert.match(failed(await doctor('redis://127.0.0.1:1')).join(), /^redis: connection refused$/);
  });

  test('a replica and a full Redis are not ok', async (t) => {
    const replica = await startRedis({ extraConfig: `replicaof 127.0.0.1 ${harness.redis.port}` });
    t.after(() => replica.stop());
    assert.match(failed(await doctor(replica.url)).join(), /redis write: it is a replica/);
    const full = await startRedis({ extraConfig: 'maxmemory 1\nmaxmemory-policy allkeys-lru' });
    t.after(() => full.stop());
    assert.match(failed(await doctor(full.url)).join(), /redis write: its memory is full/);
    assert.match(failed(await doctor(full.url)).join(), /redis memory: maxmemory-policy is allkeys-lru/);
  });

  test('a Redis that wants certificates is checked with those of the settings', async (t) => {
    const [certificate, client] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
    const secured = await startRedis({ tls: { certificate, clientCa: client.cert } });
    t.after(() => secured.stop());
    const ours = { REDIS_CERT: client.cert.toString(), REDIS_KEY: client.key.toString() };
    const ca = { REDIS_CA: certificate.cert.toString() };
    assert.deepEqual(failed(await doctor(secured.url, { ...ca, ...ours })), []);
    assert.match(failed(await doctor(secured.url, ours)).join(), /^redis: TLS: /);
  });
});

describe('the mail server', () => {
  const doctor = async (t: TestContext, options: SmtpOptions, more: Record<string, string> = {}) => {
    const sink = await startSmtp(options);
    t.after(() => sink.stop());
    const settings = { ...servers(), ...mailSettings(sink), ...more };
    const anonymous = sink.url.replace(/\/\/.*@/, '//');
    const seen = await profilectl(settings, 'doctor', '--json');
    assert.equal(sink.mails().length, 0);
    return { seen, anonymous: () => profilectl({ ...settings, SMTP_URL: anonymous }, 'doctor', '--json') };
  };

  test('a login is tried, and missed where the server wants one', async (t) => {
    const { seen, anonymous } = await doctor(t, { user: 'worker', password: 'secret' });
    assert.deepEqual(failed(seen), []);
    assert.match(seen.stdout, /the server logs us in/);
    assert.deepEqual(failed(await anonymous()), ['mail: the server takes no mail without a login (530)']);
  });

  test('it is shown the certificate of the settings', async (t) => {
    const client = await selfSignedCertificate();
    const cert = { SMTP_CERT: client.cert.toString(), SMTP_KEY: client.key.toString() };
    const { seen } = await doctor(t, { tls: 'starttls', clientCa: client.cert }, cert);
    assert.deepEqual(failed(seen), []);
    const without = await doctor(t, { tls: 'starttls', clientCa: client.cert });
    assert.match(failed(without.seen).join(), /^mail: /);
  });
});

test('STS: wrong credentials of our own are told from a role that they may not assume', async () => {
  const settings = { ...servers(), ...stsSettings(sts), AWS_SECRET_ACCESS_KEY: 'another' };
  const { stdout } = await profilectl(settings, 'doctor', '--json');
  assert.match(stdout, /does not know us: SignatureDoesNotMatch/);
});

test('send and watch work where REDIS_URL_FILE is set', async (t) => {
  const file = join(tmpdir(), `profilectl-redis-url-${process.pid}`);
  await writeFile(file, harness.redis.url);
  t.after(() => rm(file));
  const settings = { MQTT_URL: harness.broker.url, REDIS_URL_FILE: file };
  const sent = await profilectl(settings, 'send', 'get', '--phone', '380501112233', '--client', 'emqttd_7');
  assert.match(sent.stderr, /refused: \{io,\{error,not_authorized\},<<>>\}/);
});

test('unknown settings are named', async () => {
  const { stdout } = await profilectl({ ...servers(), MQTT_URLS: 'secret' }, 'doctor', '--json');
  assert.match(stdout, /MQTT_URLS \(MQTT_URL\?\)/);
  assert.ok(!stdout.includes('secret'));
});
