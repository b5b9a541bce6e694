/** `profilectl doctor` at brokers with a fault: each is named, with what to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
