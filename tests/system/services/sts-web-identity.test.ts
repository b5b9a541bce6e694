import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { type StsServer, startSts } from '../../../dev/servers/sts.ts';
import { openSts, type Sts, type StsSettings } from '../../../src/services/sts/client.ts';

const phone = '380501112233';
const region = 'eu-central-1';
const podRole = 'arn:aws:iam::123456789012:role/pod';
const phonesRole = 'arn:aws:iam::123456789012:role/phones';
const settings: StsSettings = { region, roleArn: phonesRole, durationSeconds: 900, deadlineMs: 10_000 };
const environment = process.env;

let server: StsServer;
let sts: Sts | undefined;
let warnings: object[];

const folder = await mkdtemp(join(tmpdir(), 'sts-test-'));
await writeFile(join(folder, 'empty'), '');
await writeFile(join(folder, 'token'), 'header.claims.signature');
await writeFile(
  join(folder, 'pod-role'),
  `[default]\nrole_arn = ${podRole}\nweb_identity_token_file = ${join(folder, 'token')}\n`,
);
after(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  server = await startSts({ region });
  warnings = [];
});
afterEach(async () => {
  sts?.close();
  await server.stop();
  process.env = environment;
});

function open(variables: Record<string, string>, change: Partial<StsSettings> = {}): Sts {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith('AWS_'));
  process.env = {
    ...Object.fromEntries(kept),
    AWS_ENDPOINT_URL_STS: server.url,
    AWS_CONFIG_FILE: join(folder, 'empty'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'empty'),
    AWS_EC2_METADATA_DISABLED: 'true',
    ...variables,
  };
  sts = openSts({ ...settings, ...change }, { warn: (fields) => warnings.push(fields) });
  return sts;
}

function calls(): string[] {
  return server.requests().map((call) => `${call.action} ${call.roleArn}`);
}

test('a pod with a web identity: AWS_ROLE_ARN is its own role to the SDK, so that role assumes itself for a phone', async () => {
  const variables = { AWS_ROLE_ARN: phonesRole, AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token') };
  assert.notEqual(await open(variables).assumeRole(phone), 'refused');

  assert.deepEqual(calls(), [`AssumeRoleWithWebIdentity ${phonesRole}`, `AssumeRole ${phonesRole}`]);
  const [own, forPhone] = server.requests();
  assert.equal(own?.webIdentityToken, 'header.claims.signature');
  assert.equal(forPhone?.accessKeyId, own.issued?.keys.accessKeyId);
  assert.equal(forPhone?.sessionName, phone);
});

test('a pod with its role in an AWS configuration file assumes another role, whatever AWS_ROLE_ARN says', async () => {
  const variables = {
    AWS_CONFIG_FILE: join(folder, 'pod-role'),
    AWS_ROLE_ARN: phonesRole,
    AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
  };
  assert.notEqual(await open(variables).assumeRole(phone), 'refused');
  assert.deepEqual(calls(), [`AssumeRoleWithWebIdentity ${podRole}`, `AssumeRole ${phonesRole}`]);
});

test('the web identity is exchanged once for many phones', async () => {
  const opened = open({ AWS_CONFIG_FILE: join(folder, 'pod-role') });
  await Promise.all([opened.assumeRole(phone), opened.assumeRole('380504445566')]);
  await opened.assumeRole('380507778899');
  assert.equal(calls().filter((call) => call.startsWith('AssumeRoleWithWebIdentity')).length, 1);
  assert.equal(calls().length, 4);
});

test('credentials of a role give a phone one hour at most: longer is refused as AWS refuses role chaining', async () => {
  const opened = open({ AWS_CONFIG_FILE: join(folder, 'pod-role') }, { durationSeconds: 3_601 });
  assert.equal(await opened.assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'ValidationError', status: 400, attempts: 1 }]);
});

test('AWS_ROLE_ARN without a token file is useless to the SDK: the key pair of the environment signs', async () => {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = server.environment;
  const variables = { AWS_ROLE_ARN: phonesRole, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
  assert.notEqual(await open(variables, { durationSeconds: 43_200 }).assumeRole(phone), 'refused');
  assert.deepEqual(calls(), [`AssumeRole ${phonesRole}`]);
});

test('a web identity that STS refuses: refused with the cause', async () => {
  server.mode('AccessDenied');
  const opened = open({ AWS_CONFIG_FILE: join(folder, 'pod-role') });
  assert.equal(await opened.assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'AccessDenied', status: 403, attempts: 1 }]);
});
