/** STS and the worker's own credentials: what was rotated, hangs, or has another clock comes right without a restart. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startSts } from '../../dev/servers/sts.ts';
import { decode } from '../../src/etf/index.ts';
import { type Phone, startHarness } from '../harness/harness.ts';
import { aws, credentialsIn, credentialsKey, later } from '../harness/services-fixture.ts';

const folder = await mkdtemp(join(tmpdir(), 'own-credentials-'));
const harness = await startHarness({ workers: 0 });
after(async () => {
  await harness.stop();
  await rm(folder, { recursive: true });
});

const pairs = {
  first: { accessKeyId: 'AKIATESTTESTTEST0001', secretAccessKey: 'the first secret' },
  second: { accessKeyId: 'AKIATESTTESTTEST0002', secretAccessKey: 'the second secret' },
};

/** A worker whose own credentials are found as the settings say, and an STS of its own. */
async function start(settings: Record<string, string>) {
  const sts = await startSts(pairs.first);
  const worker = await harness.startWorker({
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_REGION: 'eu-central-1',
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/phones',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    CREDENTIALS_KEY: credentialsKey,
    ...settings,
  });
  const stop = async () => {
    await worker.process.kill('SIGTERM');
    await sts.stop();
  };
  return { sts, stop };
}

/** The answer to an `aws`, the one behind `added` too. */
async function ask(phone: Phone) {
  await phone.send(aws(phone), { qos: 1 });
  let answer = decode((await phone.take()).payload);
  if (JSON.stringify(answer) === JSON.stringify(later)) answer = decode((await phone.take()).payload);
  return answer;
}

const iniOf = ({ accessKeyId, secretAccessKey }: typeof pairs.first) =>
  `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;

test('a shared credentials file that is rotated: the next request signs with the new pair', async () => {
  const file = join(folder, 'credentials');
  await writeFile(file, iniOf(pairs.first));
  const { sts, stop } = await start({ AWS_SHARED_CREDENTIALS_FILE: file });
  const [one, other] = [await harness.phone(), await harness.phone()];
  assert.deepEqual(credentialsIn(await ask(one)), sts.requests().at(-1)?.issued);
  await writeFile(file, iniOf(pairs.second));
  sts.rotate(pairs.second);
  assert.deepEqual(credentialsIn(await ask(other)), sts.requests().at(-1)?.issued);
  assert.equal(sts.requests().at(-1)?.accessKeyId, pairs.second.accessKeyId);
  await stop();
});

test('a web identity whose token is rotated and whose credentials have ended: they are exchanged anew, for the token of now', async () => {
  const file = join(folder, 'token');
  await writeFile(file, 'the.first.token');
  const { sts, stop } = await start({ AWS_WEB_IDENTITY_TOKEN_FILE: file });
  const [one, other] = [await harness.phone(), await harness.phone()];
  assert.deepEqual(credentialsIn(await ask(one)), sts.requests().at(-1)?.issued);
  await writeFile(file, 'the.second.token');
  sts.rotate(pairs.second);
  assert.deepEqual(credentialsIn(await ask(other)), sts.requests().at(-1)?.issued);
  const tokens = sts.requests().flatMap(({ webIdentityToken }) => webIdentityToken ?? []);
  assert.deepEqual(tokens, ['the.first.token', 'the.second.token']);
  await stop();
});

test('a shared credentials file that is not there at first', async () => {
  const file = join(folder, 'later');
  const { sts, stop } = await start({ AWS_SHARED_CREDENTIALS_FILE: file });
  const phone = await harness.phone();
  const refused = await ask(phone);
  assert.throws(() => credentialsIn(refused));
  await writeFile(file, iniOf(pairs.first));
  assert.deepEqual(credentialsIn(await ask(phone)), sts.requests().at(-1)?.issued);
  await stop();
});

test('an agent that never answers its first question: the second is asked within the time of the same request', async () => {
  let questions = 0;
  const agent = createServer((_request, response) => {
    if (++questions === 1) return;
    const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = pairs.first;
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    response.end(JSON.stringify({ AccessKeyId, SecretAccessKey, Token: 'a token', Expiration }));
  });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  const { port } = agent.address() as AddressInfo;
  const { sts, stop } = await start({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/keys` });
  sts.rotate({ ...pairs.first, sessionToken: 'a token' });
  const [one, other] = [await harness.phone(), await harness.phone()];
  assert.deepEqual(credentialsIn(await ask(one)), sts.requests().at(-1)?.issued);
  assert.deepEqual(credentialsIn(await ask(other)), sts.requests().at(-1)?.issued);
  assert.equal(questions, 2);
  agent.closeAllConnections();
  agent.close();
  await stop();
});

for (const [what, skewMs] of [
  ['two hours behind', -7_200_000],
  ['two hours ahead', 7_200_000],
] as const) {
  test(`an STS whose clock is ${what} of ours: what it gives is kept until it ends there, less five minutes`, async () => {
    const { accessKeyId, secretAccessKey } = pairs.first;
    const { sts, stop } = await start({
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    });
    sts.skew(skewMs);
    const phone = await harness.phone();
    const given = credentialsIn(await ask(phone));
    assert.deepEqual(given, sts.requests().at(-1)?.issued);
    const leftMs = await harness.database.pttl(`aws:{${phone.number}}`);
    assert.ok(leftMs > 3_000_000 && leftMs <= 3_300_000, `kept for ${leftMs} ms`);
    // Kept, though by our clock it may have ended.
    const calls = sts.requests().length;
    assert.deepEqual(credentialsIn(await ask(phone)), given);
    assert.equal(sts.requests().length, calls);
    await stop();
  });
}
