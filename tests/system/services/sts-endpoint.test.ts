import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { type StsServer, startSts } from '../../../dev/servers/sts.ts';

const keys = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'test-secret-key' };
const right = {
  Action: 'AssumeRole',
  Version: '2011-06-15',
  RoleArn: 'arn:aws:iam::123456789012:role/phones',
  RoleSessionName: '380501112233',
};

let server: StsServer;
beforeEach(async () => {
  server = await startSts({ region: 'eu-central-1', ...keys });
});
afterEach(() => server.stop());

interface Signing {
  keys?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  region?: string;
  service?: string;
  signedAt?: Date;
  path?: string;
  unsigned?: string;
  /** Changes the request after it was signed. */
  tamper?(request: { path: string; headers: Record<string, string>; body: string }): void;
}

async function post(
  parameters: Record<string, string>,
  signing: Signing = {},
): Promise<{ status: number; text: string }> {
  const { host } = new URL(server.url);
  const signer = new SignatureV4({
    credentials: signing.keys ?? keys,
    region: signing.region ?? 'eu-central-1',
    service: signing.service ?? 'sts',
    sha256: Sha256,
  });
  const body = new URLSearchParams(parameters).toString();
  const [path = '/', query = ''] = (signing.path ?? '/').split('?');
  const headers = { host, 'content-type': 'application/x-www-form-urlencoded' };
  const { headers: signedHeaders } = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: host,
      path,
      query: Object.fromEntries(new URLSearchParams(query)),
      headers,
      body,
    },
    { signingDate: signing.signedAt ?? new Date(), unsignableHeaders: new Set([signing.unsigned ?? '']) },
  );
  const request = { path: signing.path ?? '/', headers: signedHeaders, body };
  signing.tamper?.(request);
  const response = await fetch(server.url + request.path, {
    method: 'POST',
    headers: request.headers,
    body: request.body,
  });
  return { status: response.status, text: await response.text() };
}

function code(text: string): string | undefined {
  return /<Code>(.*)<\/Code>/.exec(text)?.[1];
}

function element(text: string, name: string): string {
  return new RegExp(`<${name}>(.*)</${name}>`).exec(text)?.[1] ?? '';
}

test('a right call gets the documented answer of AWS: credentials, the assumed role, the packed size of the policy', async () => {
  const { status, text } = await post({ ...right, Policy: '{"Statement":[]}' });
  assert.equal(status, 200);
  assert.match(text, /^<AssumeRoleResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/">/);
  assert.match(element(text, 'AccessKeyId'), /^ASIA[A-Z2-7]{16}$/);
  assert.equal(element(text, 'SecretAccessKey').length, 40);
  assert.match(element(text, 'Expiration'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(element(text, 'Arn'), 'arn:aws:sts::123456789012:assumed-role/phones/380501112233');
  assert.equal(element(text, 'PackedPolicySize'), '1');
});

test('a path and a query are part of what is signed', async () => {
  assert.equal((await post(right, { path: '/a%20b/c?x=1&y=a%2Fb' })).status, 200);
  const { text } = await post(right, {
    path: '/a?x=1',
    tamper: (request) => {
      request.path = '/a?x=2';
    },
  });
  assert.equal(code(text), 'SignatureDoesNotMatch');
});

const refusals: [what: string, signing: Signing, expected: string][] = [
  ['signed with another secret', { keys: { ...keys, secretAccessKey: 'other' } }, 'SignatureDoesNotMatch'],
  ['signed for another region', { region: 'us-east-1' }, 'SignatureDoesNotMatch'],
  ['signed for another service', { service: 's3' }, 'SignatureDoesNotMatch'],
  ['signed 6 minutes ago', { signedAt: new Date(Date.now() - 360_000) }, 'SignatureDoesNotMatch'],
  ['signed 6 minutes ahead', { signedAt: new Date(Date.now() + 360_000) }, 'SignatureDoesNotMatch'],
  [
    'with an unknown access key id',
    { keys: { ...keys, accessKeyId: 'AKIAUNKNOWN' } },
    'InvalidClientTokenId',
  ],
  [
    'with a session token that was never given',
    { keys: { ...keys, sessionToken: 'x' } },
    'InvalidClientTokenId',
  ],
  [
    'without a signature',
    { tamper: ({ headers }) => delete headers.authorization },
    'MissingAuthenticationToken',
  ],
  [
    'with half of a signature',
    {
      tamper: ({ headers }) => {
        headers.authorization = 'AWS4-HMAC-SHA256 Credential=x';
      },
    },
    'IncompleteSignature',
  ],
  ['without its date', { tamper: ({ headers }) => delete headers['x-amz-date'] }, 'IncompleteSignature'],
  [
    'whose body was altered',
    {
      tamper: (request) => {
        request.body = request.body.replace('380501112233', '380501112234');
      },
    },
    'SignatureDoesNotMatch',
  ],
  [
    'whose signed header was altered',
    {
      tamper: ({ headers }) => {
        headers['content-type'] = 'text/plain';
      },
    },
    'SignatureDoesNotMatch',
  ],
  ['whose host is not signed', { unsigned: 'host' }, 'SignatureDoesNotMatch'],
];
for (const [what, signing, expected] of refusals) {
  test(`a call ${what} gets ${expected} with status 403 and is not counted as a request`, async () => {
    const { status, text } = await post(right, signing);
    assert.deepEqual([status, code(text)], [403, expected]);
    assert.deepEqual(server.requests(), []);
  });
}

const invalid: [what: string, change: Record<string, string>, expected: string][] = [
  ['no role', { RoleArn: '' }, 'ValidationError'],
  ['a session name with a space', { RoleSessionName: 'a b' }, 'ValidationError'],
  ['a duration of 899 s', { DurationSeconds: '899' }, 'ValidationError'],
  ['a duration of 43,201 s', { DurationSeconds: '43201' }, 'ValidationError'],
  ['a duration in words', { DurationSeconds: 'an hour' }, 'ValidationError'],
  ['a policy of 2,049 characters', { Policy: ' '.repeat(2049) }, 'ValidationError'],
  ['a policy that is not JSON', { Policy: '{' }, 'MalformedPolicyDocument'],
  ['a policy without a Statement', { Policy: '{}' }, 'MalformedPolicyDocument'],
  ['a policy of another version', { Policy: '{"Version":"1","Statement":[]}' }, 'MalformedPolicyDocument'],
  ['the same tag twice', { 'Tags.member.1.Key': 'a', 'Tags.member.2.Key': 'A' }, 'InvalidParameterValue'],
  ['another action', { Action: 'GetSessionToken' }, 'InvalidAction'],
  ['a web identity without its token', { Action: 'AssumeRoleWithWebIdentity' }, 'ValidationError'],
];
for (const [what, change, expected] of invalid) {
  test(`a rightly signed call with ${what} gets ${expected} with status 400`, async () => {
    const { status, text } = await post({ ...right, ...change });
    assert.deepEqual([status, code(text)], [400, expected]);
  });
}

test('its credentials sign further calls, but only with their session token', async () => {
  const { text } = await post(right);
  const given = {
    accessKeyId: element(text, 'AccessKeyId'),
    secretAccessKey: element(text, 'SecretAccessKey'),
  };
  const sessionToken = element(text, 'SessionToken');
  assert.equal((await post(right, { keys: { ...given, sessionToken } })).status, 200);
  assert.equal(code((await post(right, { keys: given })).text), 'InvalidClientTokenId');
});

test('as a separate program it takes its port and mode from the environment and ends on SIGTERM', async () => {
  const program = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, '../../../dev/sts-main.ts')],
    {
      env: { ...process.env, PORT: '0', HOST: '127.0.0.1', STS_MODE: 'AccessDenied' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(program.stdout, 'data')) as [Buffer];
  const url = /http:\S+\d/.exec(line.toString())?.[0] ?? '';
  const body = new URLSearchParams({
    ...right,
    Action: 'AssumeRoleWithWebIdentity',
    WebIdentityToken: 'token',
  });
  const response = await fetch(url, { method: 'POST', body });
  assert.deepEqual([response.status, code(await response.text())], [403, 'AccessDenied']);
  program.kill('SIGTERM');
  assert.deepEqual(await once(program, 'exit'), [0, null]);
});
