/** TLS to broker, Redis and mail server: trusted authorities, client certificates, and messages after a failure. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  type Certificate,
  certificateAuthority,
  selfSignedCertificate,
} from '../../../dev/servers/certificate.ts';
import { redisServer } from '../../../dev/servers/installed.ts';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { freePort, startServer } from '../../../dev/servers/process.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import { initialSecurity } from '../../../src/broker-acl/roles.ts';
import type { TlsMaterial } from '../../../src/lib/tls-causes.ts';
import { connectBroker } from '../../../src/mqtt/connection.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { message, start as startMail } from '../../harness/mail-fixture.ts';
import { startWorker } from '../../harness/worker.ts';

const [authority, stranger] = await Promise.all([certificateAuthority(), certificateAuthority()]);
const own = await authority.issue();

const elsewhere = { names: ['DNS:elsewhere.example.org'] };

/** A fault of a server's certificate, and the words for it. */
const faults: Readonly<Record<string, readonly [make: () => Promise<Certificate>, words: RegExp]>> = {
  'that has expired': [
    () => authority.issue({ expired: true }),
    /certificate has expired \(CERT_HAS_EXPIRED\)/,
  ],
  'for another host': [() => authority.issue(elsewhere), /is for another host name/],
  'that it signed itself': [() => selfSignedCertificate(), /is self-signed and not trusted/],
  'of another authority': [() => stranger.issue(), /comes from a CA that is not trusted/],
};

/** Tries to connect with a private authority and a client certificate. @returns why it failed; `''` if it did not. */
type Attempt = (t: TestContext, server: Certificate, client?: Certificate) => Promise<string>;

const toBroker: Attempt = async (t, server, client = own) => {
  const security = initialSecurity([{ name: 'worker', password: 'w', roles: ['worker'] }]);
  const broker = await startMosquitto({ persistence: false, production: { security, certificate: server } });
  t.after(() => broker.stop());
  const connection = connectBroker(
    {
      url: broker.url,
      clientId: 'profile-w',
      username: 'worker',
      password: 'w',
      tls: { ca: authority.cert, cert: client.cert, key: client.key },
      filter: '$share/profile/events/1/+/api/+/+/+',
      receiveMaximum: 10,
      sessionExpirySeconds: 0,
    },
    () => undefined,
  );
  t.after(() => connection.close());
  const isOver = () => connection.state.subscribed || /TLS/.test(connection.state.cause ?? '');
  await eventually('the broker is reached or refused', isOver);
  return connection.state.cause ?? '';
};

const toRedis: Attempt = async (t, server, client = own) => {
  const redis = await startRedis({ tls: { certificate: server, clientCa: authority.cert } });
  t.after(() => redis.stop());
  return reach(t, redis.url, { ca: authority.cert, ...client });
};

async function reach(t: TestContext, url: string, tls: TlsMaterial): Promise<string> {
  const database = openRedis(url, '', () => undefined, tls);
  t.after(() => database.close());
  await eventually('Redis is reached or refused', () => {
    const { connected, cause = '' } = database.state;
    return connected || /TLS|ERR_/.test(cause);
  });
  if (database.state.connected) await database.connection.set('a', 'b');
  return database.state.cause ?? '';
}

const toMail =
  (tls: 'starttls' | 'implicit'): Attempt =>
  async (t, server, client = own) => {
    const trust = { ca: authority.cert, cert: client.cert, key: client.key };
    const smtp = { tls, certificate: server, clientCa: authority.cert };
    const { mail, failures } = await startMail(t, smtp, trust);
    const outcome = await mail.sendCode(message);
    return outcome === 'accepted' ? '' : (failures[0]?.tls ?? JSON.stringify(failures[0]));
  };

const servers: Readonly<Record<string, Attempt>> = {
  'the broker': toBroker,
  Redis: toRedis,
  'a mail server with STARTTLS': toMail('starttls'),
  'a mail server with TLS from the start': toMail('implicit'),
};

for (const [name, attempt] of Object.entries(servers)) {
  describe(name, () => {
    test('is reached when its certificate is of the trusted authority', async (t) => {
      assert.equal(await attempt(t, await authority.issue()), '');
    });

    for (const [fault, [make, words]] of Object.entries(faults)) {
      test(`with a certificate ${fault} is refused, and the cause is named`, async (t) => {
        assert.match(await attempt(t, await make()), words);
      });
    }
  });
}

test('Redis that asks for client certificates accepts those of its authority, and refuses others with a reason', async (t) => {
  const redis = await startRedis({ tls: { certificate: await authority.issue(), clientCa: authority.cert } });
  t.after(() => redis.stop());
  assert.equal(await reach(t, redis.url, { ca: authority.cert, ...own }), '');
  assert.match(await reach(t, redis.url, { ca: authority.cert }), /asks for a client certificate/);
  const foreign = await stranger.issue();
  assert.match(
    await reach(t, redis.url, { ca: authority.cert, ...foreign }),
    /does not trust our client certificate/,
  );
});

test('a mail server that asks for client certificates accepts mail only with one', async (t) => {
  const smtp = { tls: 'implicit' as const, certificate: await authority.issue(), clientCa: authority.cert };
  const withOne = await startMail(t, smtp, { ca: authority.cert, ...own });
  assert.equal(await withOne.mail.sendCode(message), 'accepted');
  const without = await startMail(t, smtp, { ca: authority.cert });
  assert.equal(await without.mail.sendCode(message), 'refused');
});

test('a broker that asks for client certificates accepts only clients with one', async (t) => {
  const certificate = await authority.issue();
  const security = initialSecurity([{ name: 'worker', password: 'w', roles: ['worker'] }]);
  const caFile = join((await startRedisFolder(t)).folder, 'ca.crt');
  const extraConfig = `cafile ${caFile}\nrequire_certificate true`;
  const broker = await startMosquitto({
    persistence: false,
    production: { security, certificate },
    extraConfig,
  });
  t.after(() => broker.stop());
  const connect = (clientId: string, client?: Certificate) => {
    const tls = { ca: authority.cert, ...client };
    const common = { filter: '$share/p/events/1/+/api/+/+/+', receiveMaximum: 10, sessionExpirySeconds: 0 };
    const login = { url: broker.url, clientId, username: 'worker', password: 'w', tls };
    const connection = connectBroker({ ...login, ...common }, () => undefined);
    t.after(() => connection.close());
    return connection;
  };
  const [known, unknown] = [connect('profile-known', own), connect('profile-unknown')];
  await eventually('the one is let in', () => known.state.subscribed);
  await eventually('the other is not', () => /client certificate/.test(unknown.state.cause ?? ''));
});

/** A folder that holds the authority's certificate. */
const startRedisFolder = async (t: TestContext) => {
  const redis = await startRedis({ tls: { certificate: own, clientCa: authority.cert } });
  t.after(() => redis.stop());
  return redis;
};

test('a Cluster over TLS: every node is checked', async (t) => {
  const extraConfig = `cluster-enabled yes\ncluster-announce-ip 127.0.0.1\ncluster-port ${await freePort()}`;
  const good = await startRedis({ extraConfig, tls: { certificate: await authority.issue() } });
  t.after(() => good.stop());
  const admin = openRedis(good.url, '', () => undefined, { ca: authority.cert });
  await admin.connection.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await eventually('the cluster is up', async () =>
    /cluster_state:ok/.test(`${await admin.connection.call('CLUSTER', 'INFO')}`),
  );
  await admin.close();
  const url = `${good.url},${good.url}`;
  assert.equal(await reach(t, url, { ca: authority.cert }), '');
  assert.match(await reach(t, url, { ca: stranger.cert }), /comes from a CA that is not trusted/);
});

test('Sentinel over TLS: Sentinel and master are checked', async (t) => {
  const certificate = await authority.issue();
  const master = await startRedis({ tls: { certificate } });
  t.after(() => master.stop());
  const sentinel = await startServer({
    command: redisServer,
    arguments: ['sentinel.conf', '--sentinel'],
    protocol: 'rediss+sentinel',
    ready: /\+monitor/,
    configure: async (folder, port) => {
      await writeFile(join(folder, 'server.crt'), certificate.cert);
      await writeFile(join(folder, 'server.key'), certificate.key);
      await writeFile(join(folder, 'ca.crt'), authority.cert);
      const files = ['tls-cert-file server.crt', 'tls-key-file server.key', 'tls-ca-cert-file ca.crt'];
      const lines = ['port 0', `tls-port ${port}`, 'tls-auth-clients no', 'tls-replication yes', ...files];
      const watch = `sentinel monitor main 127.0.0.1 ${master.port} 1`;
      await writeFile(join(folder, 'sentinel.conf'), `${[...lines, watch].join('\n')}\n`);
    },
  });
  t.after(() => sentinel.stop());
  const url = `rediss+sentinel://127.0.0.1:${sentinel.port}/main`;
  assert.equal(await reach(t, url, { ca: authority.cert }), '');
  assert.match(await reach(t, url, { ca: stranger.cert }), /comes from a CA that is not trusted/);
});

describe('a worker whose servers get an expired certificate', () => {
  test('reports it in /readyz and in its log, and is ready again with a good one', async (t) => {
    const good = await authority.issue();
    const expired = await authority.issue({ expired: true });
    const security = initialSecurity([{ name: 'worker', password: 'w', roles: ['worker'] }]);
    const broker = await startMosquitto({ persistence: false, production: { security, certificate: good } });
    t.after(() => broker.stop());
    const redis = await startRedis({ tls: { certificate: good } });
    t.after(() => redis.stop());
    const worker = await startWorker({
      MQTT_URL: broker.url,
      MQTT_USERNAME: 'worker',
      MQTT_PASSWORD: 'w',
      MQTT_CA: authority.cert.toString(),
      MQTT_CLIENT_ID: 'profile-tls',
      REDIS_URL: redis.url,
      REDIS_CA: authority.cert.toString(),
      SHUTDOWN_TIMEOUT_MS: '1000',
    });
    t.after(() => worker.process.stop());
    const give = async ({ cert, key }: Certificate): Promise<void> => {
      for (const folder of [join(broker.folder, 'tls'), redis.folder]) {
        await writeFile(join(folder, 'server.crt'), cert);
        await writeFile(join(folder, 'server.key'), key);
      }
      await Promise.all([broker.restart(), redis.restart()]);
    };
    await give(expired);
    const words = /TLS: the server’s certificate has expired/;
    await eventually('both are named', async () => {
      const lines = (await worker.page('/readyz')).body.split('\n');
      return ['broker', 'redis'].every((name) =>
        lines.some((line) => line.startsWith(name) && words.test(line)),
      );
    });
    await eventually('both are logged', () => {
      const lines = worker.log().filter(({ msg }) => msg === 'not ready');
      const reported = lines.flatMap(({ troubles }) => troubles as string[]);
      return ['broker', 'redis'].every((name) =>
        reported.some((line) => line.startsWith(name) && words.test(line)),
      );
    });
    await give(good);
    await eventually('it is ready', async () => (await worker.page('/readyz')).status === 200);
  });
});
