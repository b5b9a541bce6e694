/** The authentication service of docs/sessions.md: its sessions and broker users let phones in, and end. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { startRedis } from '../../../dev/servers/redis.ts';
import { Phone } from '../../harness/phone.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { programArguments } from '../../harness/profilectl.ts';
import { fieldsOf, profile } from '../../harness/terms.ts';
import { startWorker } from '../../harness/worker.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = await readFile(join(root, 'docs/sessions.md'), 'utf8');
const [, recipe = ''] = /^```js\n(.*?)^```$/ms.exec(page) ?? [];

const [broker, redis] = await Promise.all([startProductionBroker(), startRedis()]);
const database = new Redis(redis.url);
const worker = await startWorker({
  ...broker.settings('worker'),
  REDIS_URL: redis.url,
  MQTT_CLIENT_ID: 'profile-0',
});
// In the project, so that it finds the Redis client.
const folder = await mkdtemp(join(root, 'node_modules/.recipe-'));
after(async () => {
  await worker.process.stop();
  database.disconnect();
  await Promise.all([broker.server.stop(), redis.stop(), rm(folder, { recursive: true })]);
});
await writeFile(join(folder, 'recipe.mjs'), recipe);
const command = ['node', ...programArguments].map((word) => `'${word}'`).join(' ');
await writeFile(join(folder, 'profilectl'), `#!/bin/sh\nexec ${command} "$@"\n`);
await chmod(join(folder, 'profilectl'), 0o755);

const run = promisify(execFile);

/** Call a function of the recipe in a process of its own. */
async function call(name: 'signIn' | 'signOut' | 'signOutEverywhere', ...words: string[]): Promise<string> {
  const code = `const recipe = await import('./recipe.mjs');
    process.stdout.write(String(await recipe.${name}(...${JSON.stringify(words)})), () => process.exit());`;
  const env = {
    ...broker.settings('admin'),
    REDIS_URL: redis.url,
    PATH: `${folder}:${process.env.PATH ?? ''}`,
  };
  return (await run('node', ['--input-type=module', '-e', code], { cwd: folder, env })).stdout;
}

const CLIENT = 'emqttd_42';

async function logIn(phone: string, password: string): Promise<Phone> {
  const options = { username: phone, password, ca: broker.certificate.cert };
  return new Phone(CLIENT, phone).connect(broker.server.url, options, [
    `actions/1/api/${CLIENT}`,
    `ses/${phone}`,
  ]);
}

async function assertServed(phone: string, token: string): Promise<void> {
  const device = await logIn(phone, token);
  fieldsOf(await device.ask(profile({ phone, status: 'set' })));
  await device.mqtt.endAsync();
}

test('the recipe has 20 lines, and lets a phone in until it is signed out', async () => {
  assert.ok(recipe.split('\n').filter((line) => line !== '').length <= 20);
  const [phone, other] = ['380501112233', '380671112233'];
  const first = await call('signIn', CLIENT, phone);
  await assertServed(phone, first);
  const left = await database.ttl(`session:${CLIENT}`);
  assert.ok(left > 0 && left <= 30 * 24 * 60 * 60);

  const second = await call('signIn', CLIENT, phone);
  await assert.rejects(logIn(phone, first), /not authorized/i);
  await assertServed(phone, second);
  assert.ok((await database.ttl(`session:${CLIENT}`)) > 0);

  const third = await call('signIn', CLIENT, other);
  await assertServed(other, third);
  await call('signOut', CLIENT);
  await assert.rejects(logIn(other, third), /not authorized/i);
  assert.equal(await database.exists(`session:${CLIENT}`), 0);
});

test('the recipe signs a phone out everywhere', async () => {
  const phone = '380931112233';
  const tokens = [await call('signIn', CLIENT, phone), await call('signIn', 'emqttd_43', phone)];
  assert.equal(await database.scard(`sessions:{${phone}}`), 2);
  await call('signOutEverywhere', phone);
  assert.equal(await database.exists(`session:${CLIENT}`, 'session:emqttd_43'), 0);
  for (const token of tokens) await assert.rejects(logIn(phone, token), /not authorized/i);
});
