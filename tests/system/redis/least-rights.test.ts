/** deploy/redis/worker-rights: a user of Redis who may do what workers and `profilectl` do, and nothing else. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Redis } from 'ioredis';
import { startCluster } from '../../../dev/servers/cluster.ts';
import { startServices } from '../../../dev/servers/services.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { converse } from '../../harness/nine-requests.ts';
import { profilectl } from '../../harness/profilectl.ts';
import { calledOnRedis } from '../../harness/redis-commands.ts';
import { startRedisHarness } from '../../harness/redis-fixture.ts';
import { credentialsKey } from '../../harness/services-fixture.ts';

const root = new URL('../../../', import.meta.url);
const rights = readFileSync(new URL('deploy/redis/worker-rights', root), 'utf8').trim();
const prefix = 'chat:';
/** As the page has it for a Redis that others use too. */
const ofOneSystem = rights.replace('~*', `~${prefix}* ~{${prefix}*`);

/** What runs scripts, what ioredis asks by itself, and what only `profilectl` uses. */
const besides = [
  'eval',
  'evalsha',
  'ping',
  'info',
  'cluster|slots',
  'cluster|info',
  'scan',
  'asking',
  'readonly',
  'client|setname',
  'select',
];
/** Of ioredis, and no commands of Redis. */
const methods = ['on', 'once', 'off', 'disconnect', 'nodes', 'pipeline', 'duplicate'];

test('the list has the commands that the sources use, and no other', () => {
  const used = new Set([...besides, ...calledOnRedis()]);
  for (const method of methods) used.delete(method);
  const listed = [...rights.matchAll(/\+(\S+)/g)].map(([, command = '']) => command);
  assert.deepEqual(listed.sort(), [...used].sort());
});

test('all nine requests are answered under these rights, and Redis refuses none of the commands', async () => {
  const exported = join(tmpdir(), `profile-export-${process.pid}`);
  const services = await startServices();
  const harness = await startHarness({ workers: 0, settings: { REDIS_KEY_PREFIX: prefix } });
  after(async () => {
    authentication.disconnect();
    rmSync(exported, { force: true });
    await services.stop();
    await harness.stop();
  });
  const { database } = harness;
  await database.call('ACL', 'SETUSER', 'worker', 'on', '>secret', ...ofOneSystem.split(' '));
  const REDIS_URL = harness.redis.url.replace('//', '//worker:secret@');
  const settings = {
    ...services.settings,
    REDIS_URL,
    CREDENTIALS_KEY: credentialsKey,
    HEARTBEAT_MS: '200',
    HEIR_AFTER_MS: '1000',
  };
  await harness.startWorker(settings);
  await harness.startWorker(settings);
  const authentication = new Redis(harness.redis.url, { keyPrefix: prefix });
  harness.signIn = async (client, phone) => {
    await authentication.hset(`session:${client}`, { phone });
    await authentication.sadd(`sessions:{${phone}}`, client);
  };
  await converse(harness, services.smtp);
  // One is killed, so that the other takes its session over.
  await harness.workers.shift()?.process.kill('SIGKILL');
  const adopted = () => harness.metric('profile_adopted_sessions_total');
  await eventually('its session is taken over', async () => (await adopted()) > 0);
  await harness.idle();
  await converse(harness, services.smtp);
  const own = { MQTT_URL: harness.broker.url, REDIS_URL, REDIS_KEY_PREFIX: prefix };
  for (const line of [
    'session add --redis-only --client one --phone 380501112299',
    'session list --redis-only',
    `export --all --file ${exported}`,
    'poisoned list',
  ]) {
    const { exitCode, stderr } = await profilectl(own, ...line.split(' '));
    assert.equal(exitCode, 0, `${line}: ${stderr}`);
  }
  assert.deepEqual(await refusedBy(harness.redis.url), []);
});

test('they are enough at a Cluster, while slots move too', async (t) => {
  const cluster = await startCluster({ extraConfig: `user worker on >secret ${rights}` });
  const { url, nodes } = cluster;
  const withPassword = { url: url.replaceAll('//', '//worker:secret@'), stop: () => cluster.stop() };
  const { set, isStored, phones } = await startRedisHarness(t, withPassword, 4);
  await set('before');
  const move = async () => {
    for (const { number } of phones) await cluster.moveSlot(`profile:{${number}}`);
  };
  const moved = move();
  await set('meanwhile');
  await moved;
  await isStored('meanwhile');
  for (const node of nodes) assert.deepEqual(await refusedBy(node.url), []);
});

/** What a Redis has refused somebody, but for ioredis telling its name, which nobody needs. */
async function refusedBy(url: string): Promise<string[]> {
  const redis = new Redis(url);
  const refused = (await redis.call('ACL', 'LOG')) as unknown[][];
  redis.disconnect();
  return refused.map((entry) => `${entry[5]} ${entry[7]}`).filter((text) => !text.includes('client|setinfo'));
}
