import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { type StsServer, startSts } from '../../../dev/servers/sts.ts';
import { openSts, type Sts, type StsSettings } from '../../../src/services/sts/client.ts';
import { eventually } from '../../harness/eventually.ts';

const phone = '380501112233';
const region = 'eu-central-1';
const settings: StsSettings = {
  region,
  roleArn: 'arn:aws:iam::123456789012:role/phones/upload',
  durationSeconds: 900,
  deadlineMs: 10_000,
};

let server: StsServer;
let opened: Sts[];
let warnings: Record<string, unknown>[];
const environment = process.env;

const folder = await mkdtemp(join(tmpdir(), 'sts-test-'));
await writeFile(join(folder, 'empty'), '');
after(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  server = await startSts({ region });
  opened = [];
  warnings = [];
  process.env = { ...sealedOff(), ...server.environment };
});
afterEach(async () => {
  for (const sts of opened) sts.close();
  await server.stop();
  process.env = environment;
});

/** An environment in which the SDK finds nothing of this machine: no profile, no instance, no variable. */
function sealedOff(): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith('AWS_'));
  return {
    ...Object.fromEntries(kept),
    AWS_CONFIG_FILE: join(folder, 'empty'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'empty'),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function open(change: Partial<StsSettings> = {}): Sts {
  const sts = openSts({ ...settings, ...change }, { warn: (fields) => warnings.push({ ...fields }) });
  opened.push(sts);
  return sts;
}

test('a phone gets the credentials that STS issued, with their expiration in Unix milliseconds', async () => {
  const credentials = await open().assumeRole(phone);

  assert.ok(credentials !== 'refused');
  const [call] = server.requests();
  const { validMs, ...given } = credentials;
  assert.deepEqual(given, { ...call?.issued?.keys, expiration: call?.issued?.expiration });
  assert.ok(validMs > 898_000 && validMs <= 900_000, `valid for ${validMs} ms`);
  assert.deepEqual(warnings, []);
});

test('the call to STS has the role, the phone as session name and the duration, and no unset parameters', async () => {
  await open().assumeRole(phone);
  const [{ issued: _, ...call } = {}] = server.requests();
  assert.deepEqual(call, {
    action: 'AssumeRole',
    roleArn: settings.roleArn,
    sessionName: phone,
    durationSeconds: 900,
    tags: {},
    transitiveTagKeys: [],
    accessKeyId: server.environment.AWS_ACCESS_KEY_ID,
    answered: 'success',
  });
});

test('the phone is filled in wherever the settings hold its placeholder', async () => {
  const placeholder = `\${phone}`;
  const policy = (who: string): string =>
    `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["b/${who}/*","c/${who}","d/\${aws:userid}"]}]}`;
  await open({
    sessionNamePrefix: 'phone-',
    sessionPolicy: policy(placeholder),
    sourceIdentity: `+${placeholder}`,
    externalId: 'partner:1',
    tags: { phone: placeholder, app: 'messenger' },
    transitiveTagKeys: ['phone'],
  }).assumeRole(phone);

  const [call] = server.requests();
  assert.equal(call?.sessionName, `phone-${phone}`);
  assert.equal(call.policy, policy(phone));
  assert.equal(call.sourceIdentity, `+${phone}`);
  assert.equal(call.externalId, 'partner:1');
  assert.deepEqual(call.tags, { phone, app: 'messenger' });
  assert.deepEqual(call.transitiveTagKeys, ['phone']);
});

test('a worker that signs with another secret key is refused', async () => {
  process.env.AWS_SECRET_ACCESS_KEY = 'another-secret-key';
  assert.equal(await open().assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'SignatureDoesNotMatch', status: 403, attempts: 1 }]);
});

test('a call signed for another region is refused', async () => {
  assert.equal(await open({ region: 'us-east-1' }).assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'SignatureDoesNotMatch', status: 403, attempts: 1 }]);
});

test('without own credentials: refused with the cause, and nothing is sent', async () => {
  process.env = { ...sealedOff(), AWS_ENDPOINT_URL_STS: server.url };
  assert.equal(await open().assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'CredentialsProviderError' }]);
  assert.deepEqual(server.requests(), []);
});

test('a call throttled twice is tried a third time and succeeds', async () => {
  server.throttleNext(2);
  assert.notEqual(await open().assumeRole(phone), 'refused');
  assert.deepEqual(
    server.requests().map(({ answered }) => answered),
    ['Throttling', 'Throttling', 'success'],
  );
});

for (const [mode, warning] of [
  ['AccessDenied', { cause: 'AccessDenied', status: 403, attempts: 1 }],
  ['Throttling', { cause: 'Throttling', status: 400, attempts: 3 }],
  ['500', { cause: 'InternalFailure', status: 500, attempts: 3 }],
  ['malformed', { cause: 'MalformedAnswer', status: 200, attempts: 1 }],
  ['incomplete', { cause: 'MalformedAnswer' }],
] as const) {
  test(`STS in mode ${mode}: refused, the cause logged, and the next call succeeds once STS works`, async () => {
    const sts = open();
    server.mode(mode);
    assert.equal(await sts.assumeRole(phone), 'refused');
    assert.deepEqual(warnings, [warning]);

    server.mode('success');
    assert.notEqual(await sts.assumeRole(phone), 'refused');
  });
}

test('an HTML answer of a proxy, an empty body and an answer without XML are refused', async () => {
  const answers = ['<html><body>Welcome<br></body></html>', '', '{"Credentials":{}}'];
  const proxy = createServer((_, response) => response.end(answers.shift()));
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  process.env.AWS_ENDPOINT_URL_STS = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const sts = open();
  for (let left = answers.length; left > 0; left--) assert.equal(await sts.assumeRole(phone), 'refused');
  assert.deepEqual(
    warnings.map(({ cause }) => cause),
    Array(3).fill('MalformedAnswer'),
  );
  sts.close();
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});

test('nobody listens: refused with the network error', async () => {
  await server.stop();
  assert.equal(await open().assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'ECONNREFUSED', attempts: 3 }]);
});

test('an answer that is slow but within the deadline is waited for', async () => {
  server.mode('slow', 200);
  assert.notEqual(await open().assumeRole(phone), 'refused');
});

test('a connection that hangs is closed after half of the deadline, and a second one succeeds', async () => {
  server.mode('hang');
  const answer = open({ deadlineMs: 2_000 }).assumeRole(phone);
  await eventually('STS is asked', () => server.requests().length === 1);
  server.mode('success');
  assert.notEqual(await answer, 'refused');
  assert.deepEqual(
    server.requests().map(({ answered }) => answered),
    ['none', 'success'],
  );
});

for (const mode of ['hang', 'slow'] as const) {
  test(`STS in mode ${mode} beyond the deadline: refused when it is over`, async () => {
    server.mode(mode, 60_000);
    const sts = open({ deadlineMs: 300 });
    assert.equal(await sts.assumeRole(phone), 'refused');
    assert.deepEqual(warnings, [{ cause: 'DeadlineExceeded' }]);
  });
}

test('a credential source that never answers is abandoned at the deadline', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  process.env = {
    ...sealedOff(),
    AWS_ENDPOINT_URL_STS: server.url,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/credentials`,
  };
  assert.equal(await open({ deadlineMs: 300 }).assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'DeadlineExceeded' }]);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
});

test('calls for many phones are in flight together, and each gets its own credentials', async () => {
  server.mode('slow', 300);
  const sts = open();
  const phones = Array.from({ length: 20 }, (_, at) => String(380_501_000_000 + at));
  const answers = await Promise.all(phones.map((each) => sts.assumeRole(each)));

  const issued = new Map(server.requests().map((call) => [call.sessionName, call.issued?.keys.accessKeyId]));
  phones.forEach((each, at) => {
    const answer = answers[at];
    assert.ok(answer !== undefined && answer !== 'refused');
    assert.equal(answer.accessKeyId, issued.get(each));
  });
  assert.ok(server.concurrentPeak() > 10, `at most ${server.concurrentPeak()} at once`);
  assert.equal(server.concurrentPeak(phones[0]), 1);
});

test('close() refuses the calls in flight, and later ones send nothing', async () => {
  server.mode('hang');
  const sts = open();
  const answer = sts.assumeRole(phone);
  await eventually('STS is asked', () => server.requests().length === 1);
  sts.close();
  assert.equal(await answer, 'refused');
  assert.equal(await sts.assumeRole(phone), 'refused');
  assert.deepEqual(warnings, [{ cause: 'Closed' }, { cause: 'Closed' }]);
  assert.equal(server.requests().length, 1);
});

test('a process that calls STS in every mode logs no credentials, neither its own nor received ones', async () => {
  const program = join(import.meta.dirname, '../../harness/sts-caller.ts');
  const modes = ['success', 'AccessDenied', 'Throttling', '500', 'malformed', 'incomplete'] as const;
  let written = '';
  for (const mode of modes) {
    server.mode(mode);
    // From Node 26 on a child gets the environment of the start, unless it is given another.
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', program, phone],
      { env: process.env },
    );
    written += stdout + stderr;
  }
  const issued = server.requests().flatMap((call) => Object.values(call.issued?.keys ?? {}));
  assert.equal(issued.length, 9);
  const secrets = [...issued, String(server.environment.AWS_SECRET_ACCESS_KEY), phone];
  for (const secret of secrets) assert.equal(written.includes(secret), false);
  assert.equal(written.match(/STS gave no credentials/g)?.length, modes.length - 1);
});
