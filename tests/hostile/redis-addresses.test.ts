/** Redis where others run it: a TLS Cluster with names, Sentinels with passwords of their own, any character in a password, IPv6. */
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { startCluster } from '../../dev/servers/cluster.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { startSentinels } from '../../dev/servers/sentinel.ts';
import type { RedisAccess } from '../../src/store/redis/connect.ts';
import { type Database, openRedis } from '../../src/store/redis/database.ts';
import { eventually } from '../harness/eventually.ts';
import { startTlsCluster } from '../harness/tls-cluster.ts';

/** With all that has a meaning in a URL. */
const password = 'a%b:c@d/e?f#g,h';
const encoded = encodeURIComponent(password);

function open(t: TestContext, url: string, access: RedisAccess = {}): Database {
  const database = openRedis(url, '', () => undefined, access);
  t.after(() => database.close());
  return database;
}

/** Redis takes a change there. */
async function works(database: Database): Promise<void> {
  await eventually(`connected, but: ${database.state.cause}`, () => database.state.connected);
  assert.equal(database.state.fault, undefined);
  for (const client of ['a', 'b', 'c', 'd'])
    assert.equal(
      await database.run('keep-session', [database.keys.session(client)], ['380501112233', '', '']),
      'stored',
    );
}

/** Listens on ::1 and hands on to a port of 127.0.0.1. */
async function onIpv6(t: TestContext, port: number): Promise<string> {
  const listener = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    client.pipe(server).pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => undefined).on('close', () => other.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(0, '::1', resolve));
  t.after(() => listener.close());
  return `[::1]:${(listener.address() as AddressInfo).port}`;
}

test('a TLS Cluster whose certificates have host names alone is used, with a password of any characters', async (t) => {
  const cluster = await startTlsCluster(password);
  t.after(() => cluster.stop());
  const url = cluster.addresses.map((address) => `rediss://:${encoded}@${address}`).join(',');
  await works(open(t, url, { ca: cluster.ca }));
  // One address for all nodes, as AWS has it, stands twice.
  const [first] = cluster.addresses;
  await works(open(t, `rediss://:${encoded}@${first},rediss://${first}`, { ca: cluster.ca }));

  const alone = open(t, `rediss://:${encoded}@${first}`, { ca: cluster.ca });
  await eventually('it is told to be a Cluster', () => alone.state.fault?.name === 'cluster_node');
});

test('Sentinels have a user and a password, and the master others', async (t) => {
  const sentinels = await startSentinels();
  t.after(() => sentinels.stop());
  const { port } = await sentinels.master();
  const master = new Redis(port, '127.0.0.1');
  t.after(() => master.disconnect());
  await master.call('ACL', 'SETUSER', 'worker', 'on', `>${password}`, '~*', '+@all', '&*');
  const addresses = /\/\/(.*)\//.exec(sentinels.url)?.[1]?.split(',') ?? [];
  for (const address of addresses) {
    const sentinel = new Redis(Number(address.split(':')[1]), '127.0.0.1');
    await sentinel.call('ACL', 'SETUSER', 'watcher', 'on', `>${password}2`, '+@all', '&*');
    await sentinel.call('ACL', 'SETUSER', 'default', 'off');
    sentinel.disconnect();
  }
  const url = sentinels.url.replace('://', `://worker:${encoded}@`);
  const access = { sentinelUsername: 'watcher', sentinelPassword: `${password}2` };
  await works(open(t, url, access));
  const refused = open(t, url, { ...access, sentinelPassword: 'another' });
  await eventually('the Sentinels refuse', () => refused.state.fault?.name === 'sentinel_password');
  const unknown = open(t, url.replace('/main', '/another'), access);
  await eventually('they know no such master', () => unknown.state.fault?.name === 'no_master');
});

test('IPv6 addresses name a server, nodes of a Cluster and Sentinels', async (t) => {
  const server = await startRedis({ extraConfig: `requirepass "${password}"` });
  t.after(() => server.stop());
  const own = `redis://:${encoded}@${await onIpv6(t, server.port)}`;
  await works(open(t, `${own}/1`));
  const twice = open(t, `${own},${own}`);
  await eventually('it is told to be no Cluster', () => twice.state.fault?.name === 'no_cluster');

  const cluster = await startCluster();
  t.after(() => cluster.stop());
  const nodes = await Promise.all(cluster.nodes.slice(0, 2).map(({ port }) => onIpv6(t, port)));
  await works(open(t, nodes.map((node) => `redis://${node}`).join(',')));

  const sentinels = await startSentinels();
  t.after(() => sentinels.stop());
  const ports = [...sentinels.url.matchAll(/:(\d+)/g)].map(([, port]) => Number(port));
  const named = await Promise.all(ports.map((port) => onIpv6(t, port)));
  await works(open(t, `redis+sentinel://${named.join(',')}/main`));
});
