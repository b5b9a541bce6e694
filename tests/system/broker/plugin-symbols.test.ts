/** The plugins load into every build of the broker: they call only what official builds of Mosquitto 2.0 export, and what musl has. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mosquittoHeaders } from '../../../dev/servers/installed.ts';
import { PLUGINS, startMosquitto } from '../../../dev/servers/mosquitto.ts';

/**
 * What src/linker.syms of Mosquitto 2.0.11 and 2.0.22 lists, as far as we use it. Debian 12 exports every function, so
 * that a plugin which loads there may not load in the official image or on Debian 13.
 */
const exported = [
  'broker_publish_copy',
  'callback_register',
  'callback_unregister',
  'calloc',
  'client_id',
  'client_username',
  'free',
  'log_printf',
  'malloc',
  'property_add_binary',
  'property_add_byte',
  'property_add_int32',
  'property_add_string',
  'property_add_string_pair',
  'property_free_all',
  'set_username',
  'strdup',
].map((name) => `mosquitto_${name}`);

const plugins = ['client_identity', 'client_delivery', 'phone_login', 'client_binding'];

for (const plugin of plugins) {
  test(`${plugin} needs no function that Mosquitto 2.0 does not export`, {
    skip: process.platform !== 'linux' && 'nm lists symbols differently there',
  }, async () => {
    await (await startMosquitto({ persistence: false })).stop(); // builds the plugins
    const file = join(PLUGINS, `${plugin}.so`);
    const { stdout, status, stderr } = spawnSync('nm', ['--dynamic', '--undefined-only', file], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const needed = [...stdout.matchAll(/^ +U (mosquitto_\w+)$/gm)].map(([, name]) => name ?? '');
    assert.ok(needed.length > 0);
    assert.deepEqual(
      needed.filter((name) => !exported.includes(name)),
      [],
    );
  });
}

/** The official image is Alpine's, whose libc is musl; its compiler sees no headers of this machine but these. */
test('the plugins build with musl, and need nothing that it has not', {
  skip: process.platform !== 'linux' && 'musl is for Linux',
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'profile-musl-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const headers = mosquittoHeaders ?? '/usr/include';
  for (const name of readdirSync(headers)) {
    if (/^(mosquitto|mqtt_protocol|cjson)/.test(name))
      cpSync(join(headers, name), join(folder, 'include', name), { recursive: true });
  }
  const source = fileURLToPath(new URL('../../../mosquitto/plugin', import.meta.url));
  const run = (program: string, ...words: string[]): string => {
    const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' });
    assert.equal(status, 0, error?.message ?? stderr);
    return stdout;
  };
  run('make', '-B', '-C', source, 'CC=musl-gcc', `OUT=${folder}/`, `CPPFLAGS=-I${join(folder, 'include')}`);
  const [loader = ''] = readdirSync('/lib').filter((name) => /^ld-musl-.*\.so\.1$/.test(name));
  const libc = join('/lib', loader);
  const there = new Set(
    [...run('nm', '--dynamic', '--defined-only', libc).matchAll(/ \w (\w+)$/gm)].map(([, name]) => name),
  );
  assert.ok(there.has('memcpy'), libc);
  for (const plugin of plugins) {
    const file = join(folder, `${plugin}.so`);
    const undefinedNames = run('nm', '--dynamic', '--undefined-only', file).matchAll(/^ +U (\w+)/gm);
    const needed = [...undefinedNames]
      .map(([, name = '']) => name)
      .filter((name) => !name.startsWith('mosquitto_'));
    assert.deepEqual(
      needed.filter((name) => !there.has(name)),
      [],
      plugin,
    );
  }
});
