/** The plugins load into every build of the broker: they call only what official builds of Mosquitto 2.0 export. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
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

for (const plugin of ['client_identity', 'client_delivery', 'phone_login', 'client_binding']) {
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
