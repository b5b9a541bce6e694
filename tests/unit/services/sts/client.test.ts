import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openSts, type StsSettings } from '../../../../src/services/sts/client.ts';

const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' };
const settings: StsSettings = {
  region: 'eu-central-1',
  roleArn: 'arn:aws:iam::123456789012:role/phones',
  durationSeconds: 900,
  deadlineMs: 2_000,
};

test('the SDK is loaded with the first call, not by the import and not by opening', async () => {
  // The SDK is CommonJS for Node.js: its loaded modules are in require.cache.
  const source = `
    import { createRequire } from 'node:module';
    const { cache } = createRequire(import.meta.url);
    const loaded = () => Object.keys(cache).filter((path) => /node_modules.@(aws-sdk|smithy)/.test(path)).length;
    const { openSts } = await import(${JSON.stringify(new URL('../../../../src/services/sts/client.ts', import.meta.url))});
    const sts = openSts(${JSON.stringify(settings)});
    const before = loaded();
    await sts.assumeRole('380501112233');
    sts.close();
    console.log(JSON.stringify({ before, after: loaded() }));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', source],
    {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...noFiles,
      },
    },
  );
  const { before, after } = JSON.parse(stdout) as { before: number; after: number };
  assert.equal(before, 0);
  assert.ok(after > 0, 'the check sees the SDK once it is loaded');
});

for (const phone of [
  '',
  '1234',
  '1234567890123456',
  '+380501112233',
  '38050\n',
  '３８０５０',
  '1"},{"a":1',
]) {
  test(`${JSON.stringify(phone)} is not a phone: refused before anything is sent, and not logged`, async () => {
    const warnings: object[] = [];
    const sts = openSts(settings, { warn: (fields) => warnings.push(fields) });
    assert.equal(await sts.assumeRole(phone), 'refused');
    assert.deepEqual(warnings, [{ cause: 'BadPhone' }]);
    sts.close();
  });
}

test('settings that STS would refuse stop the opening with all faults and none of the values', () => {
  const wrong = { ...settings, roleArn: 'role-of-mine', sessionPolicy: 'policy-of-mine', externalId: '?' };
  assert.throws(
    () => openSts(wrong),
    (error: Error) =>
      error instanceof RangeError &&
      /ARN.*; .*external id.*; .*not JSON/.test(error.message) &&
      !error.message.includes('of-mine'),
  );
});

test('closed before the first call: that call is refused', async () => {
  const sts = openSts(settings);
  sts.close();
  assert.equal(await sts.assumeRole('380501112233'), 'refused');
});
