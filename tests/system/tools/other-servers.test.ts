/** `MOSQUITTO` and `REDIS` name the servers that tests and `npm run dev` start; the broker's plugins are those beside it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mosquitto, mosquittoPlugin, redisServer } from '../../../dev/servers/installed.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'profile-other-servers-'));
after(() => rmSync(folder, { recursive: true }));

const sbin = '/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin';

/** A server in a prefix of its own that says its name, and then is the one of this run. */
function starter(name: string, program: string): string {
  const path = join(folder, 'usr', 'run', name);
  mkdirSync(join(folder, 'usr', 'run'), { recursive: true });
  writeFileSync(
    path,
    `#!/bin/sh\necho "this is the other ${name}"\nPATH="$PATH:${sbin}" exec '${program}' "$@"\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

const run = (env: Record<string, string>, code: string) =>
  spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });

test('a relative path names the broker, and a path names Redis; both are started', () => {
  const env = {
    MOSQUITTO: relative(root, starter('mosquitto', mosquitto)),
    REDIS: starter('redis-server', redisServer),
  };
  const { stdout, stderr } = run(
    env,
    `const { startMosquitto } = await import('./dev/servers/mosquitto.ts');
    const { startRedis } = await import('./dev/servers/redis.ts');
    for (const server of [await startMosquitto({ persistence: false }), await startRedis()]) {
      console.log(server.log());
      await server.stop();
    }`,
  );
  assert.match(stdout, /this is the other mosquitto/, stderr);
  assert.match(stdout, /this is the other redis-server/, stderr);
});

test('the plugins of a named broker are looked for beside it, and nowhere else', () => {
  const file = 'mosquitto_dynamic_security.so';
  const code = `const { mosquittoPlugin } = await import('./dev/servers/installed.ts');
    console.log(mosquittoPlugin('${file}'));`;
  const env = { MOSQUITTO: starter('mosquitto', mosquitto) };
  assert.match(run(env, code).stderr, /mosquitto_dynamic_security\.so is not below .*\/usr\b/);
  const there = join(folder, 'usr', 'lib', 'x86_64-linux-gnu', 'mosquitto');
  mkdirSync(there, { recursive: true });
  copyFileSync(mosquittoPlugin(file), join(there, file));
  assert.equal(run(env, code).stdout.trim(), join(there, file));
});

test('set-up says which program is missing when the name is wrong', () => {
  const setUp = (MOSQUITTO: string) =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `const { missingPrograms } = await import('./dev/programs.mjs');
        console.log(missingPrograms('dev').map(({ name }) => name).join());`,
      ],
      { cwd: root, encoding: 'utf8', env: { ...process.env, MOSQUITTO } },
    ).trim();
  assert.equal(setUp(join(folder, 'nothing')), 'mosquitto');
  assert.equal(setUp(starter('mosquitto', mosquitto)), '');
});
