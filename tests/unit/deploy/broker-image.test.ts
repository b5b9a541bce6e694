/** Which persistence the broker's image takes: what its Dockerfile runs, in a folder and with a broker that only says its version. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../../mosquitto/', import.meta.url));
const dockerfile = readFileSync(join(source, 'Dockerfile'), 'utf8').replaceAll('\\\n', '');
const [, command = ''] = /^RUN (case .*)$/m.exec(dockerfile) ?? [];

/** @returns what stands in `persistence.d`; undefined when the build fails. */
function chosen(version: string, library: readonly string[]): readonly string[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'profile-broker-image-'));
  try {
    for (const name of ['bin', 'lib', 'plugin', 'persistence.d']) mkdirSync(join(folder, name));
    cpSync(join(source, 'persistence'), join(folder, 'persistence'), { recursive: true });
    const broker = `#!/bin/sh\necho 'mosquitto version ${version}'\nexit 3\n`;
    writeFileSync(join(folder, 'bin', 'mosquitto'), broker, { mode: 0o755 });
    for (const file of library) writeFileSync(join(folder, 'lib', file), '');
    const here = command.replaceAll('/usr/lib', join(folder, 'lib'));
    const env = { PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
    const { status } = spawnSync('sh', ['-c', here], { cwd: folder, env });
    return status === 0 ? readdirSync(join(folder, 'persistence.d')) : undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('2.1 takes its database, 2.0 takes snapshots, and a 2.1 without its plugin is not built', () => {
  assert.deepEqual(chosen('2.1.2', ['mosquitto_persist_sqlite.so']), ['sqlite.conf']);
  assert.deepEqual(chosen('2.0.22', []), ['snapshot.conf']);
  assert.equal(chosen('2.1.2', []), undefined);
});
