/** REDIS_URL leads to what speaks something else, or lacks a command: the cause is named, in /readyz and by the doctor. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { certificateAuthority, selfSignedCertificate } from '../../dev/servers/certificate.ts';
import { type RedisOptions, startRedis } from '../../dev/servers/redis.ts';
import { checkRedis } from '../../src/cli/doctor-redis.ts';
import { readSettings } from '../../src/config/settings.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually } from '../harness/eventually.ts';

const [certificate, authority] = await Promise.all([selfSignedCertificate(), certificateAuthority()]);

async function redis(t: TestContext, options: RedisOptions = {}): Promise<number> {
  const server = await startRedis(options);
  t.after(() => server.stop());
  return server.port;
}

async function http(t: TestContext): Promise<number> {
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Case {
  readonly label: string;
  readonly says: RegExp;
  readonly url: (t: TestContext) => Promise<string>;
}

const plain: RegExp = /the server does not speak TLS there; .*redis:\/\/ for another/;
const secure: RegExp = /the server speaks TLS there; .*rediss:\/\/ for a TLS port/;
const clientCa = authority.cert;

const cases: Readonly<Record<string, Case>> = {
  'rediss:// to a Redis without TLS': {
    label: 'tls',
    says: plain,
    url: async (t) => `rediss://127.0.0.1:${await redis(t)}`,
  },
  'rediss:// to several of them': {
    label: 'tls',
    says: plain,
    url: async (t) => `rediss://127.0.0.1:${await redis(t)},rediss://127.0.0.1:${await redis(t)}`,
  },
  'redis:// to a TLS port': {
    label: 'tls',
    says: secure,
    url: async (t) => `redis://127.0.0.1:${await redis(t, { tls: { certificate } })}`,
  },
  'redis:// to a TLS port that wants a client certificate': {
    label: 'tls',
    says: secure,
    url: async (t) => `redis://127.0.0.1:${await redis(t, { tls: { certificate, clientCa } })}`,
  },
  'redis+sentinel:// to a Redis that is no Sentinel': {
    label: 'no_sentinel',
    says: /no Sentinel, but a Redis; name the Sentinels/,
    url: async (t) => `redis+sentinel://127.0.0.1:${await redis(t)}/main`,
  },
  'redis:// to an HTTP server': {
    label: 'no_redis',
    says: /what answers there is no Redis; see host and port/,
    url: async (t) => `redis://127.0.0.1:${await http(t)}`,
  },
  'a Redis without EVALSHA': {
    label: 'no_command',
    says: /it does not have the command EVALSHA; end its rename-command/,
    url: async (t) => `redis://127.0.0.1:${await redis(t, { extraConfig: 'rename-command EVALSHA ""' })}`,
  },
  'a Redis without a command of scripts': {
    label: 'no_command',
    says: /it does not have (a command|ZADD)/,
    url: async (t) => `redis://127.0.0.1:${await redis(t, { extraConfig: 'rename-command ZADD ""' })}`,
  },
};

for (const [what, { label, says, url: start }] of Object.entries(cases)) {
  test(`${what} is named`, async (t) => {
    const url = await start(t);
    const database = openRedis(url, '', () => undefined);
    t.after(() => database.close());
    const { state } = database;
    await eventually(`${label}, but: ${state.cause}`, () => database.state.fault?.name === label);
    assert.match(database.state.cause ?? '', says);

    const findings = await checkRedis(readSettings({ MQTT_URL: 'mqtt://127.0.0.1', REDIS_URL: url }));
    const failed = findings.filter(({ state: outcome }) => outcome === 'failed');
    assert.ok(
      failed.some(({ saw, advice }) => says.test(`${saw}; ${advice}`)),
      JSON.stringify(findings),
    );
  });
}
