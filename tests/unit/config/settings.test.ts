import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EXIT_CONFIG } from '../../../src/config/error.ts';
import { readSettings, settingNames } from '../../../src/config/settings.ts';
import { fieldPatterns } from '../../../src/protocol/topic-patterns.ts';
import { workerArguments } from '../../harness/program.ts';
import { settingProblems } from '../../harness/setting-problems.ts';
import { rightPatterns, wrongPatterns } from '../../harness/topic-patterns.ts';

const min = { MQTT_URL: 'mqtt://127.0.0.1', REDIS_URL: 'redis://127.0.0.1' };

function temporaryFile(t: TestContext, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'profile-settings-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'value'), content);
  return join(folder, 'value');
}

test('with broker and Redis named, everything else has its default', () => {
  const settings = readSettings(min);
  assert.deepEqual(settings.mqtt.urls, ['mqtt://127.0.0.1']);
  assert.equal(settings.mqtt.clientId, `profile-${hostname()}`);
  assert.equal(readSettings({ ...min, MQTT_WORKER_PREFIX: 'pod-' }).mqtt.clientId, `pod-${hostname()}`);
  assert.equal(settings.mqtt.shareGroup, 'profile');
  assert.equal(settings.mqtt.receiveMaximum, 256);
  assert.equal(settings.mqtt.sessionExpirySeconds, 86_400);
  assert.equal(settings.mqtt.replyQos, 1);
  assert.equal(settings.mqtt.replyExpirySeconds, 86_400);
  assert.equal(settings.clientIdentity, 'broker');
  assert.equal(settings.redis.keyPrefix, '');
  assert.deepEqual(settings.etfLimits, {
    payloadBytes: 262_144,
    nesting: 64,
    elements: 65_536,
    inflatedBytes: 1_048_576,
  });
  assert.equal(settings.shutdownTimeoutMs, 25_000);
  assert.equal(settings.awsFastReplyMs, 1_000);
  assert.deepEqual([settings.mail, settings.aws, settings.credentialsKeys], [undefined, undefined, []]);
});

test('an empty variable has its default', () => {
  const empty = Object.fromEntries(settingNames.map((name) => [name, '']));
  assert.deepEqual(readSettings({ ...empty, ...min }), readSettings(min));
});

test('the settings cannot be changed', () => {
  const settings = readSettings(min);
  for (const part of [settings, settings.mqtt, settings.redis, settings.http, settings.etfLimits]) {
    assert.ok(Object.isFrozen(part));
  }
});

test('other variables are ignored', () => {
  assert.deepEqual(readSettings({ ...min, PATH: '/bin', MQTT_URLS: 'x' }), readSettings(min));
});

test('all faults are reported at once, one on each line', () => {
  assert.deepEqual(settingProblems({}), ['MQTT_URL is not set', 'REDIS_URL is not set']);
  const many = settingProblems({
    MQTT_URL: 'http://x',
    HTTP_PORT: '65536',
    REPLY_QOS: '3',
    LOG_LEVEL: 'loud',
  });
  assert.deepEqual(
    many.map((line) => line.split(' ', 1)[0]),
    ['MQTT_URL', 'REPLY_QOS', 'REDIS_URL', 'HTTP_PORT', 'LOG_LEVEL'],
  );
});

const malformed: Record<string, readonly string[]> = {
  MQTT_URL: ['127.0.0.1', 'http://x', 'mqtt://', 'mqtt://a,redis://b', 'mqtt://a,', 'mqtt://a,mqtt://A:1883'],
  MQTT_WORKER_PREFIX: ['a/', '+', 'a#', 'x'.repeat(129)],
  MQTT_CLIENT_ID: ['a/b', 'a+b', 'a#', 'x'.repeat(129)],
  MQTT_SHARE_GROUP: ['a/b', '+', '#'],
  MQTT_RECEIVE_MAXIMUM: ['0', '65536', '1.5', '-1', 'many', ' 1', '0x10'],
  MQTT_SESSION_EXPIRY: ['4294967296'],
  MQTT_CA: ['/no/such/file'],
  REPLY_QOS: ['3', '01', 'one'],
  REPLY_EXPIRY: ['0', '4294967296'],
  CLIENT_IDENTITY: ['plugin'],
  REQUEST_TOPIC: wrongPatterns.request,
  ANSWER_TOPIC: wrongPatterns.answer,
  NOTICE_TOPIC: wrongPatterns.notice,
  REDIS_URL: ['127.0.0.1', 'http://x', 'redis://a,mqtt://b', 'redis+sentinel://a', 'redis+sentinel://a/b/c'],
  AWS_ENDPOINT_URL_STS: ['sts', 'ftp://sts', 'http://'],
  REDIS_KEY_PREFIX: ['{eu}:', 'a b'],
  ETF_PAYLOAD_BYTES: ['63'],
  ETF_NESTING: ['1001'],
  HTTP_PORT: ['65536', 'http'],
  LOG_LEVEL: ['INFO', 'verbose'],
  SHUTDOWN_TIMEOUT_MS: ['600001'],
  SMTP_URL: ['http://mail', 'smtp://user:%@mail', 'smtp://user:a/b@mail', 'smtp://user:a#b@mail'],
  VERIFY_SECRET: ['x'.repeat(31)],
  AWS_SESSION_DURATION: ['899', '43201'],
  CREDENTIALS_KEY: ['c2hvcnQ=', 'x'.repeat(64)],
};

for (const [name, values] of Object.entries(malformed)) {
  test(`${name}: a malformed value is refused, and not quoted`, () => {
    for (const value of values) {
      const lines = settingProblems({ ...min, [name]: value });
      const about = lines.filter((line) => line.startsWith(`${name} `));
      assert.ok(about.length > 0, JSON.stringify(value));
      if (value.length > 5)
        assert.ok(!lines.some((line) => line.includes(value)), 'the value is not repeated');
    }
  });
}

test('several brokers, Cluster nodes and Sentinels are accepted', () => {
  const urls = { MQTT_URL: 'mqtt://a:1883, mqtts://b', REDIS_URL: 'rediss://a,rediss://b' };
  assert.deepEqual(readSettings(urls).mqtt.urls, ['mqtt://a:1883', 'mqtts://b']);
  const sentinel = 'redis+sentinel://user:secret@a,b:26380,c/main';
  assert.equal(readSettings({ ...min, REDIS_URL: sentinel }).redis.url, sentinel);
});

const newer = {
  REQUEST_TOPIC: 'events/:client',
  ANSWER_TOPIC: 'actions/:client',
  NOTICE_TOPIC: 'devices/:phone',
};

test('each pattern that the plugins take is taken', () => {
  const [REQUEST_TOPIC = '', ANSWER_TOPIC = '', NOTICE_TOPIC = ''] = Object.values(rightPatterns).map(
    ([first]) => first,
  );
  const rest = { ...min, REQUEST_TOPIC, ANSWER_TOPIC, NOTICE_TOPIC };
  for (const pattern of rightPatterns.request)
    assert.equal(readSettings({ ...rest, REQUEST_TOPIC: pattern }).topics.request, pattern);
  for (const pattern of rightPatterns.answer)
    assert.equal(readSettings({ ...rest, ANSWER_TOPIC: pattern }).topics.answer, pattern);
  for (const pattern of rightPatterns.notice)
    assert.equal(readSettings({ ...rest, NOTICE_TOPIC: pattern }).topics.notice, pattern);
});

test('topics of newer deployments are taken, and those of clients in the field are the default', () => {
  const { topics } = readSettings({ ...min, ...newer });
  assert.deepEqual(topics, {
    request: 'events/:client',
    answer: 'actions/:client',
    notice: 'devices/:phone',
  });
  assert.deepEqual(readSettings(min).topics, fieldPatterns);
});

for (const { about, settings, line } of [
  {
    about: 'requests and answers in common',
    settings: { ...newer, ANSWER_TOPIC: 'events/:client' },
    line: 'REQUEST_TOPIC and ANSWER_TOPIC name the same topics',
  },
  {
    about: 'requests below answers',
    settings: { ...newer, REQUEST_TOPIC: 'actions/:user/requests/:client' },
    line: 'REQUEST_TOPIC and ANSWER_TOPIC name the same topics',
  },
  {
    about: 'answers and notices in common',
    settings: { ...newer, NOTICE_TOPIC: 'actions/:phone' },
    line: 'ANSWER_TOPIC and NOTICE_TOPIC name the same topics',
  },
  {
    about: 'topics of the QA mirror',
    settings: { ...newer, NOTICE_TOPIC: 'qa/ses/:phone' },
    line: 'NOTICE_TOPIC and qa/# (the QA mirror) name the same topics',
  },
  {
    about: 'a token that has no level',
    settings: { ...newer, CLIENT_IDENTITY: 'token' },
    line: 'CLIENT_IDENTITY is token, which needs a level :token in REQUEST_TOPIC',
  },
]) {
  test(`${about}: refused with one line`, () =>
    assert.deepEqual(settingProblems({ ...min, ...settings }), [line]));
}

test('text and mirror for QA are off, and are switched on separately', () => {
  assert.deepEqual(readSettings(min).qa, { text: false, mirror: false });
  const on = { ...min, QA_TEXT: 'on', QA_MIRROR: 'on', NODE_ENV: 'development' };
  assert.deepEqual(readSettings(on).qa, { text: true, mirror: true });
  assert.deepEqual(readSettings({ ...on, QA_TEXT: 'off' }).qa, { text: false, mirror: true });
});

test('SMTP_URL needs MAIL_FROM and VERIFY_SECRET, AWS_ROLE_ARN needs AWS_REGION', () => {
  const lines = settingProblems({
    ...min,
    SMTP_URL: 'smtp://mail',
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/r',
  });
  for (const name of ['MAIL_FROM', 'VERIFY_SECRET', 'AWS_REGION']) {
    assert.ok(
      lines.some((line) => line.startsWith(`${name} is not set`)),
      name,
    );
  }
});

test('NAME_FILE names a file with the value, without the line break at its end', (t) => {
  for (const [content, value] of [
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    [' s \n\n', ' s \n'],
  ]) {
    const settings = readSettings({ ...min, MQTT_PASSWORD_FILE: temporaryFile(t, content ?? '') });
    assert.equal(settings.mqtt.password, value);
  }
  const { mqtt } = readSettings({
    REDIS_URL: min.REDIS_URL,
    MQTT_URL_FILE: temporaryFile(t, 'mqtt://a\n'),
  });
  assert.deepEqual(mqtt.urls, ['mqtt://a']);
});

test('NAME_FILE that cannot be read, or stands beside NAME, is reported without its path', (t) => {
  const missing = settingProblems({ ...min, MQTT_PASSWORD_FILE: '/no/such/file' });
  assert.deepEqual(missing, ['MQTT_PASSWORD_FILE names a file that cannot be read']);
  const both = { MQTT_PASSWORD: 'a', MQTT_PASSWORD_FILE: temporaryFile(t, 'b') };
  assert.deepEqual(settingProblems({ ...min, ...both }), [
    'MQTT_PASSWORD and MQTT_PASSWORD_FILE are both set',
  ]);
});

/** In `.env.example`, but read by the AWS SDK itself. */
const readByTheSdk = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];

const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8');
const examples = [...example.matchAll(/^(#?)([A-Z][A-Z0-9_]*)=(.*)$/gm)];

test('.env.example lists every setting once, and no other name', () => {
  const listed = examples.map(([, , name]) => name ?? '').filter((name) => !readByTheSdk.includes(name));
  assert.deepEqual(listed.sort(), [...settingNames].sort());
});

test('a value in .env.example without # is the default', () => {
  const given = Object.fromEntries(
    examples.flatMap(([, off, name = '', value = '']) => (off ? [] : [[name, value]])),
  );
  const { MQTT_URL = '', REDIS_URL = '' } = given;
  assert.deepEqual(readSettings(given), readSettings({ MQTT_URL, REDIS_URL }));
});

/** Starts the program with only this environment, as an operator does. */
function start(env: Record<string, string>) {
  const PATH = process.env.PATH ?? '';
  return spawnSync(process.execPath, [...workerArguments], { env: { PATH, ...env }, encoding: 'utf8' });
}

test('the program ends with exit code 78 and one message with all faults and no secret', () => {
  const secret = 'hunter2hunter2';
  const env = {
    REDIS_URL: `http://:${secret}@x`,
    MQTT_PASSWORD: secret,
    HTTP_PORT: secret,
    VERIFY_SECRET: secret,
  };
  const { status, stdout, stderr } = start(env);
  assert.equal(status, 78);
  assert.equal(EXIT_CONFIG, 78);
  assert.equal(stdout, '');
  for (const name of ['MQTT_URL', 'REDIS_URL', 'HTTP_PORT', 'VERIFY_SECRET'])
    assert.match(stderr, new RegExp(`^ {2}${name} `, 'm'));
  assert.ok(!stderr.includes(secret));
  assert.doesNotMatch(stderr, /at .*:\d+:\d+/, 'no stack trace');
});
