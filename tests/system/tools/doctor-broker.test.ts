/** `profilectl doctor` at brokers with a fault: each is named, with what to do. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Certificate, certificateAuthority } from '../../../dev/servers/certificate.ts';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { type Called, profilectl } from '../../harness/profilectl.ts';

const REDIS_URL = 'redis://127.0.0.1:1';

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly saw: string;
  readonly advice?: string;
}

const findingsOf = ({ stdout }: Called): Finding[] =>
  (JSON.parse(stdout) as Finding[]).map((finding) => ({
    ...finding,
    check: finding.check.replace(/ \S+:\d+$/, ''),
  }));

/** What the check has seen; it failed. */
function seenBy(check: string, called: Called): string {
  const found = findingsOf(called).find((finding) => finding.check === check && finding.state === 'failed');
  return found?.saw ?? `${check} has not failed: ${called.stdout}`;
}

test('one broker under two names is named', async (t) => {
  const [broker, other] = await Promise.all([startMosquitto(), startMosquitto()]);
  t.after(() => Promise.all([broker.stop(), other.stop()]));
  const alias = broker.url.replace('127.0.0.1', 'localhost');
  const settings = { REDIS_URL, MQTT_URL: `${broker.url},${other.url},${alias}` };
  const seen = await profilectl(settings, 'doctor', '--json');
  const [one, two] = [new URL(broker.url).host, new URL(alias).host];
  assert.equal(seenBy('brokers', seen), `${one} and ${two} are one broker`);
  const apart = await profilectl({ ...settings, MQTT_URL: `${broker.url},${other.url}` }, 'doctor', '--json');
  assert.equal(findingsOf(apart).find(({ check }) => check === 'brokers')?.saw, 'no broker is named twice');
});

test('a broker that takes no answer of a common size is named, however it refuses it', async (t) => {
  for (const [limit, words] of [
    ['max_packet_size 1000', 'its largest packet is 1000 bytes'],
    ['message_size_limit 500', 'Publish error: Packet too large'],
  ]) {
    const broker = await startMosquitto({ persistence: false, extraConfig: limit });
    t.after(() => broker.stop());
    const seen = await profilectl({ MQTT_URL: broker.url, REDIS_URL }, 'doctor', '--json');
    assert.equal(seen.exitCode, 1);
    assert.equal(seenBy('size', seen), `takes no answer of 64 KiB: ${words}`);
  }
});

/** A broker with this certificate. @returns its port */
async function startWithTls(t: TestContext, { cert, key }: Certificate, clientCa?: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-tls-'));
  const file = async (name: string, content: Buffer): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const lines = [`certfile ${await file('crt', cert)}`, `keyfile ${await file('key', key)}`];
  if (clientCa) lines.push(`cafile ${await file('ca', clientCa)}`, 'require_certificate true');
  const broker = await startMosquitto({ persistence: false, extraConfig: lines.join('\n') });
  t.after(async () => {
    await broker.stop();
    await rm(folder, { recursive: true });
  });
  return new URL(broker.url).port;
}

test('each fault of TLS has its own advice', async (t) => {
  const [ca, other] = await Promise.all([certificateAuthority(), certificateAuthority()]);
  const good = await startWithTls(t, await ca.issue());
  const expired = await startWithTls(t, await ca.issue({ expired: true }));
  const renamed = await startWithTls(t, await ca.issue({ names: ['DNS:broker.example.org'] }));
  const asking = await startWithTls(t, await ca.issue(), ca.cert);
  const plain = await startMosquitto({ persistence: false });
  t.after(() => plain.stop());
  const ours = async ({ cert, key }: Certificate) => ({ MQTT_CERT: `${cert}`, MQTT_KEY: `${key}` });
  const at = (port: string): string => `mqtts://127.0.0.1:${port}`;
  for (const [what, url, settings, advice] of [
    ['not trusted', at(good), { MQTT_CA: `${other.cert}` }, /^MQTT_CA must/],
    ['expired', at(expired), {}, /^renew the certificate of the broker/],
    ['another name', at(renamed), {}, /^MQTT_URL must name the broker as its certificate does/],
    ['none of ours', at(asking), {}, /^MQTT_CERT and MQTT_KEY must/],
    ['a stranger’s', at(asking), await ours(await other.issue()), /^MQTT_CERT and MQTT_KEY must/],
    [
      'ours expired',
      at(asking),
      await ours(await ca.issue({ expired: true })),
      /^renew the certificate in MQTT_CERT/,
    ],
    ['TLS to a plain port', plain.url.replace('mqtt:', 'mqtts:'), {}, /^MQTT_URL begins with mqtt:/],
    ['no TLS to its port', at(good).replace('mqtts:', 'mqtt:'), {}, /^MQTT_URL begins with mqtts:/],
  ] as const) {
    const seen = await profilectl(
      { REDIS_URL, MQTT_CA: `${ca.cert}`, ...settings, MQTT_URL: url },
      'doctor',
      '--json',
    );
    assert.match(findingsOf(seen).find(({ check }) => check === 'broker')?.advice ?? '', advice, what);
  }
});
