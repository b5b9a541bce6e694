import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingNames } from '../../../src/config/settings.ts';
import { describeUnknown, unknownSettings } from '../../../src/config/unknown.ts';
import { settingProblems } from '../../harness/setting-problems.ts';

const unknown = (...names: string[]) =>
  unknownSettings(Object.fromEntries(names.map((name) => [name, 'a secret'])), settingNames);

test('every setting is known, also as a file', () => {
  assert.deepEqual(unknown(...settingNames, ...settingNames.map((name) => `${name}_FILE`)), []);
});

test('a name that begins like ours is unknown, with the nearest setting', () => {
  for (const [name, nearest] of Object.entries({
    MQTT_URLS: 'MQTT_URL',
    MQTT_URL_FIL: 'MQTT_URL',
    REDIS_URI: 'REDIS_URL',
    SMTP_TIMEOUT: 'SMTP_TIMEOUT_MS',
    AWS_SESSION_DURATIONS: 'AWS_SESSION_DURATION',
    CLIENT_BURSTS: 'CLIENT_BURST',
    PROFILE_BYTE: 'PROFILE_BYTES',
    HTTP_PROT: 'HTTP_PORT',
    LOG_LEVLE: 'LOG_LEVEL',
  }))
    assert.deepEqual(unknown(name), [{ name, nearest }], name);
  assert.deepEqual(unknown('MQTT_SOMETHING_ELSE_ALTOGETHER'), [{ name: 'MQTT_SOMETHING_ELSE_ALTOGETHER' }]);
});

test('names that others read are none of ours', () => {
  const others = ['PATH', 'HTTP_PROXY', 'AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ACCESS_KEY_ID', 'NODE_ENV'];
  assert.deepEqual(
    unknown(...others, 'OTEL_SERVICE_NAME', 'SERVICE_NAME', 'HOSTNAME', 'NODE_EXTRA_CA_CERTS'),
    [],
  );
});

test('names that Kubernetes gives for the services beside a pod are none of ours', () => {
  const port = ['REDIS_PORT', 'REDIS_PORT_6379_TCP', 'REDIS_PORT_6379_TCP_PROTO', 'REDIS_PORT_6379_TCP_ADDR'];
  const service = ['REDIS_SERVICE_HOST', 'REDIS_SERVICE_PORT', 'MQTT_BROKER_SERVICE_PORT_MQTTS'];
  assert.deepEqual(unknown(...port, ...service), []);
});

test('the sentence names them without values', () => {
  assert.equal(
    describeUnknown(unknown('MQTT_URLS', 'MQTT_SOMETHING_ELSE_ALTOGETHER')),
    'unknown settings have no effect: MQTT_SOMETHING_ELSE_ALTOGETHER, MQTT_URLS (MQTT_URL?)',
  );
});

test('a user name without a password is named', () => {
  const min = { MQTT_URL: 'mqtt://broker', REDIS_URL: 'redis://redis' };
  const problems = (env: Record<string, string>) => settingProblems({ ...min, ...env });
  const mail = { MAIL_FROM: 'a@example.org', VERIFY_SECRET: 'x'.repeat(32) };
  assert.deepEqual(problems({ MQTT_USERNAME: 'worker' }), [
    'MQTT_PASSWORD is not set; MQTT_USERNAME needs it',
  ]);
  for (const url of ['redis://worker@redis', 'redis://worker:@redis', 'redis+sentinel://worker@h1,h2/main'])
    assert.deepEqual(problems({ REDIS_URL: url }), ['REDIS_URL has a user name without a password'], url);
  assert.deepEqual(problems({ ...mail, SMTP_URL: 'smtp://worker@mail' }), [
    'SMTP_URL has a user name without a password',
  ]);
  assert.deepEqual(problems({ REDIS_URL: 'redis://:secret@redis' }), []);
  assert.deepEqual(problems({ MQTT_USERNAME: 'worker', MQTT_PASSWORD: 'secret' }), []);
  assert.deepEqual(problems({ ...mail, SMTP_URL: 'smtp://worker:secret@mail' }), []);
});
