/** Characters that come into a value by mistake are named, and never the value. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingProblems } from '../../harness/setting-problems.ts';

const min = { MQTT_URL: 'mqtt://127.0.0.1', REDIS_URL: 'redis://127.0.0.1' };

const problems = (env: Record<string, string>) => settingProblems({ ...min, ...env });

const quoted = 'stands in quotes ("), which are taken for a part of it: leave them out';
const windows = 'has a carriage return (CR): the file has the line ends of Windows';

for (const [name, value, problem] of [
  ['REDIS_KEY_PREFIX', '""', quoted],
  ['MQTT_SHARE_GROUP', '"profile"', quoted],
  ['MAIL_PRODUCT_NAME', '"Our Product"', quoted],
  ['AWS_SESSION_POLICY', `"{}"\n`, quoted],
  ['MQTT_CLIENT_ID', "'a'", quoted.replace('"', "'")],
  ['MQTT_CLIENT_ID', 'a\r', windows],
  ['HTTP_HOST', '127.0.0.1\r', windows],
  ['MQTT_USERNAME', 'a\nb', 'has a line feed'],
  ['MQTT_USERNAME', 'a\u0001', 'has a control character'],
  ['MQTT_USERNAME', ' a', 'begins or ends with white space'],
  ['HTTP_HOST', '[::1]', 'stands in brackets, which belong to an IPv6 address in a URL: leave them out'],
  ['MQTT_URL', 'mqtt://127.0.0.1:0', 'has port 0, at which no server listens'],
  ['REDIS_URL', 'redis://127.0.0.1:0', 'has port 0, at which no server listens'],
] as const)
  test(`${name}=${JSON.stringify(value)} ${problem}`, () => {
    assert.ok(problems({ [name]: value }).includes(`${name} ${problem}`), problems({ [name]: value }).join());
  });

test('passwords and texts may have them inside', () => {
  assert.deepEqual(
    problems({
      MQTT_USERNAME: 'a b',
      MQTT_PASSWORD: '"secret" ',
      MAIL_FROM: '"A product" <a@example.org>',
      MAIL_SUBJECT: '"Acme": your code for "PROFILE"',
      MQTT_URL: 'mqtt://127.0.0.1:1,\n  mqtt://127.0.0.1:2\n',
      AWS_SESSION_POLICY: '{\n  "Version": "2012-10-17",\r\n  "Statement": []\n}\n',
      HTTP_HOST: '::1',
      VERIFY_SECRET: `"${'x'.repeat(32)}"`,
    }),
    [],
  );
});

test('the region has the form of one', () => {
  const aws = { AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/phones', AWS_REGION: 'eu central' };
  assert.match(problems(aws).join(), /^AWS: the AWS region is not of small letters/);
  assert.deepEqual(problems({ ...aws, AWS_REGION: 'eu-central-1' }), []);
});
