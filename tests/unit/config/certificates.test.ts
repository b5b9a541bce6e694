/** Certificates and keys that no connection could use end the start, with the name of the setting. */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { selfSignedCertificate } from '../../../dev/servers/certificate.ts';
import { certificateProblems } from '../../../src/config/certificates.ts';
import { readSettings } from '../../../src/config/settings.ts';
import { settingProblems } from '../../harness/setting-problems.ts';

const [own, other] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
const key = createPrivateKey(own.key);
const encrypted = (type: 'pkcs8' | 'sec1') =>
  Buffer.from(key.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }));
const der = {
  cert: new X509Certificate(own.cert).raw,
  key: key.export({ type: 'pkcs8', format: 'der' }),
};
const junk = Buffer.from('hello');

const wrong: readonly (readonly [string, string, Buffer, RegExp])[] = [
  ['an authority in DER', 'CA', der.cert, /^MQTT_CA has no certificate in PEM$/],
  ['an authority that is none', 'CA', junk, /^MQTT_CA has no certificate/],
  ['a certificate in DER', 'CERT', der.cert, /^MQTT_CERT has no certificate in PEM .*NO_START_LINE/],
  ['a key as a certificate', 'CERT', own.key, /^MQTT_CERT has no certificate/],
  ['a key in DER', 'KEY', der.key, /^MQTT_KEY has no private key in PEM/],
  ['a certificate as a key', 'KEY', own.cert, /^MQTT_KEY has no private key in PEM/],
  ['an encrypted key', 'KEY', encrypted('pkcs8'), /^MQTT_KEY is encrypted/],
  ['an encrypted key of the older form', 'KEY', encrypted('sec1'), /^MQTT_KEY is encrypted/],
  ['the key of another certificate', 'KEY', other.key, /^MQTT_KEY is not the key of MQTT_CERT$/],
];

for (const [what, part, value, words] of wrong) {
  test(`${what} is refused, for each server alike`, () => {
    for (const server of ['MQTT', 'REDIS', 'SMTP']) {
      const names = { CA: own.cert, CERT: own.cert, KEY: own.key, [part]: value };
      const read = Object.fromEntries(Object.entries(names).map(([name, pem]) => [`${server}_${name}`, pem]));
      const problems = certificateProblems(read).map((line) => line.replaceAll(server, 'MQTT'));
      assert.equal(problems.length, 1, problems.join());
      assert.match(problems[0] ?? '', words);
    }
  });
}

const min = { MQTT_URL: 'mqtt://127.0.0.1', REDIS_URL: 'redis://127.0.0.1' };

test('a certificate is a PEM text or a file that holds one', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'profile-settings-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'ca.crt');
  await writeFile(file, own.cert);
  for (const MQTT_CA of [`${own.cert}`, file])
    assert.deepEqual(readSettings({ ...min, MQTT_CA }).mqtt.tls.ca, own.cert);
});

test('a start with the key of another certificate names the setting, and so does one with half a pair', () => {
  const problemsOf = (env: Record<string, string>) => settingProblems({ ...min, ...env });
  const [REDIS_CERT, REDIS_KEY] = [`${own.cert}`, `${own.key}`];
  assert.deepEqual(problemsOf({ REDIS_CERT, REDIS_KEY }), []);
  assert.deepEqual(problemsOf({ REDIS_CERT, REDIS_KEY: `${other.key}` }), [
    'REDIS_KEY is not the key of REDIS_CERT',
  ]);
  assert.deepEqual(problemsOf({ REDIS_CERT }), ['REDIS_KEY is not set; REDIS_CERT needs it']);
  assert.deepEqual(problemsOf({ REDIS_KEY }), ['REDIS_CERT is not set; REDIS_KEY needs it']);
});
