/** deploy/systemd/profile-broker.service, as systemd reads it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../../../deploy/systemd/profile-broker.service', import.meta.url));
const unit = readFileSync(file, 'utf8');
const isThere = existsSync('/usr/sbin/mosquitto') && spawnSync('systemd-analyze', ['--version']).status === 0;
const options = { skip: !isThere && 'systemd or /usr/sbin/mosquitto is not on this machine' };

function analyze(...words: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [...words, file], { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

test('systemd finds no fault in the broker’s unit', options, () => {
  assert.deepEqual(analyze('verify', '--man=no'), { status: 0, output: '' });
});

test('systemd rates its exposure as low', options, () => {
  const { status, output } = analyze('security', '--offline=true', '--threshold=20');
  assert.equal(status, 0, output.slice(-300));
});

test('the broker may write to its data alone, and has a bound of its memory', () => {
  assert.match(unit, /^ProtectSystem=strict$/m);
  assert.deepEqual(unit.match(/^ReadWritePaths=.*$/gm), ['ReadWritePaths=/var/lib/profile-broker/data']);
  assert.match(unit, /^WorkingDirectory=\/var\/lib\/profile-broker$/m);
  assert.match(unit, /^MemoryMax=\d+G$/m);
});
