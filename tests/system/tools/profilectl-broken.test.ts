/** `profilectl` when the broker ends the connection that a command waits on: exit code 1 and a sentence. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { eventually } from '../../harness/eventually.ts';
import { profilectl, programArguments } from '../../harness/profilectl.ts';

test('send and test say that the broker ended the connection at a request above its limit', async (t) => {
  const broker = await startMosquitto({ persistence: false, extraConfig: 'max_packet_size 1000' });
  const folder = await mkdtemp(join(tmpdir(), 'profilectl-broken-'));
  t.after(async () => {
    await broker.stop();
    await rm(folder, { recursive: true });
  });
  const large = join(folder, 'large.erl');
  await writeFile(large, `{'Profile',<<"${'x'.repeat(2_000)}">>}.`);
  const settings = { MQTT_URL: broker.url };
  const sent = await profilectl(settings, 'send', 'file', '--client', 'emqttd_1', '--file', large);
  assert.equal(sent.exitCode, 1);
  assert.equal(sent.stderr, 'the broker ended the connection: packet too large\n');

  const plan = join(folder, 'plan.yaml');
  const request = JSON.stringify(`{'Profile',<<"${'x'.repeat(2_000)}">>}`);
  await writeFile(
    plan,
    `name: large\nsteps:\n  - as: emqttd_1\n    form: raw\n    request: ${request}\n    expect: _\n`,
  );
  const tested = await profilectl(settings, 'test', plan);
  assert.equal(tested.exitCode, 1);
  assert.match(tested.stdout, /the broker ended the connection: packet too large/);
});

for (const [command, begun] of [
  ['watch', 'watching'],
  ['record', 'recording'],
] as const) {
  test(`${command} fails when the broker stops`, async (t) => {
    const broker = await startMosquitto({ persistence: false });
    t.after(() => broker.stop());
    const program = spawn('node', [...programArguments, command], {
      env: { PATH: process.env.PATH, MQTT_URL: broker.url },
    });
    t.after(() => program.kill());
    let notes = '';
    program.stderr.setEncoding('utf8').on('data', (part: string) => (notes += part));
    await eventually('it has begun', () => notes.includes(begun));
    await broker.stop();
    await eventually('it has ended', () => program.exitCode !== null);
    assert.equal(program.exitCode, 1);
    assert.match(notes, /the broker ended the connection/);
  });
}
