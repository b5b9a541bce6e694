/**
 * docs/production.md: its commands, one after the other, as they stand there, with a real Redis, broker and workers in a folder of
 * their own. Names, ports and the foreign services are this test's.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { freePort } from '../../../dev/servers/process.ts';
import { startServices } from '../../../dev/servers/services.ts';
import {
  commandsOf,
  isFree,
  PageMachine,
  type Ports,
  type Replacements,
} from '../../harness/page-commands.ts';
import { PlayedSystemd } from '../../harness/played-systemd.ts';
import { asksInThePod, checkManifests, checkSecrets } from './production-kubernetes.ts';

const page = new URL('../../../docs/production.md', import.meta.url);
const commands = commandsOf(readFileSync(page, 'utf8'));

const root = mkdtempSync(join(tmpdir(), 'profile-production-'));
chmodSync(root, 0o755); // The users of the units are others.
const services = await startServices();
const workers = [await freePort(), await freePort()] as const;
const ports: Ports = { broker: await freePort(), redis: await freePort(), workers };
const systemd = new PlayedSystemd(root, workers);
await systemd.listen();
const machine = new PageMachine(root, ports, foreignServices(), systemd);
after(async () => {
  await systemd.end();
  await services.stop();
  rmSync(root, { recursive: true, force: true });
});

/** A mail server and an STS on this machine, in the place of those of the page. */
function foreignServices(): Replacements {
  const { SMTP_URL = '', VERIFY_SECRET: _, ...settings } = services.settings;
  const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"\n`);
  return [
    ['smtp://user:password@mail.example.org:587', SMTP_URL],
    [/^MAIL_FROM=.*\nAWS_REGION=.*\nAWS_ROLE_ARN=.*\n/gm, lines.join('')],
  ];
}

const redisCli = (user: string, password: string, words: string) =>
  machine.run(
    `REDISCLI_AUTH=$(cat /etc/profile-worker/${password}) redis-cli -h redis.example.org -p 6379 --user ${user} --tls --cacert /etc/profile-ca/ca.crt ${words} 2>&1`,
  );
const send = (words: string, token = 'first-token', client = 'emqttd_42') =>
  machine.tryToRun(`profilectl send ${words} --client ${client} --token-file /etc/profile-worker/${token}`);
const presence = async () => (await send('get')).output;
const modeOf = (path: string) => (statSync(machine.path(path)).mode & 0o777).toString(8);
const admin = 'MQTT_USERNAME=admin MQTT_PASSWORD_FILE=/etc/profile-worker/admin-password profilectl session';
let before: (number | undefined)[] = [];
const workerPids = () => ['profile-worker@1', 'profile-worker@2'].map((unit) => systemd.pid(unit));

/** What must be true behind a command, beside that it has not failed. */
const checks: Readonly<Record<number, (output: string) => Promise<void> | void>> = {
  1: () => assert.equal(machine.read('clock'), 'set-ntp true\n'),
  2: () => assert.equal(modeOf('etc/profile-ca/ca.key'), '600'),
  3: async () => {
    const output = await machine.run(
      'openssl verify -CAfile /etc/profile-ca/ca.crt -verify_hostname broker.example.org /etc/profile-ca/broker.example.org.crt',
    );
    assert.match(output, /: OK/);
  },
  4: async () => {
    assert.match(await redisCli('default', 'redis-default-password', 'ping'), /PONG/);
    assert.match(await redisCli('worker', 'redis-worker-password', 'ping'), /PONG/);
    for (const words of ['flushall', 'config get maxmemory', 'acl list', 'keys "*"', 'shutdown'])
      assert.match(await redisCli('worker', 'redis-worker-password', words), /NOPERM/, words);
    assert.match(
      (
        await machine.tryToRun(
          'redis-cli -e -h localhost -p 6379 --tls --cacert /etc/profile-ca/ca.crt get x',
        )
      ).output,
      /NOAUTH/,
    );
  },
  5: () => {
    const isThere = existsSync(machine.path('var/lib/profile-broker/plugin/mosquitto_persist_sqlite.so'));
    const kept = readdirSync(machine.path('var/lib/profile-broker/persistence.d'));
    assert.deepEqual(kept, [isThere ? 'sqlite.conf' : 'snapshot.conf']);
    const conf = machine.read('var/lib/profile-broker/conf.d/production.conf');
    assert.equal(/^plugin_opt_bind .*\nplugin_opt_hold worker=60$/m.test(conf), !isThere);
  },
  6: () => {
    assert.equal(modeOf('etc/profile-worker/broker-users'), '600');
    assert.match(machine.read('npm'), /^ci\nrun build\nprune --omit=dev\n$/);
  },
  8: () => {
    for (const name of ['mqtt-password', 'admin-password', 'redis-url', 'verify-secret', 'credentials-key'])
      assert.equal(modeOf(`etc/profile-worker/${name}`), '600');
    assert.ok(!existsSync(machine.path('etc/profile-worker/broker-users')));
  },
  10: (output) => {
    assert.match(output, /ready/);
    assert.ok(systemd.asked.includes('enable --now profile-worker@1 profile-worker@2'));
  },
  11: () => assert.match(machine.read('etc/profile-worker/first-token'), /^[\w-]{43}\n$/),
  12: (output) => {
    assert.match(output, /presence = online|online/);
    assert.doesNotMatch(output, /^failed/m);
  },
  13: dashboards,
  14: backup,
  15: restore,
  16: async () => {
    assert.equal(readlinkSync(machine.path('opt/profile-worker')), 'profile-worker-9.9.9-1a2b3c4');
    await runsAnew();
    // Run again, it does not forget which version was the one before.
    const former = machine.read('opt/profile-worker-before');
    await machine.run(commands[15]?.code ?? '');
    assert.equal(machine.read('opt/profile-worker-before'), former);
  },
  17: async () => {
    assert.notEqual(readlinkSync(machine.path('opt/profile-worker')), 'profile-worker-9.9.9-1a2b3c4');
    await runsAnew();
  },
  18: () => checkSecrets(machine),
  19: async () => {
    checkManifests(machine);
    await asksInThePod(machine);
  },
  20: () =>
    assert.match(
      machine.read('etc/profile-kubernetes/overlays/production/kustomization.yaml'),
      /newTag: 9\.9\.9/,
    ),
};

/** What comes between the commands. */
const between: Readonly<Record<number, () => void>> = {
  16: () => {
    const file = join(machine.release, 'package.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"version": ".*"/, '"version": "9.9.9"'));
  },
};

test('the page has twenty commands, in order', () => {
  assert.deepEqual(
    commands.map(({ number }) => number),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
});

test('the ports of the workers are free', async () => {
  for (const port of workers) assert.ok(await isFree(port));
});

for (const { number, title, code } of commands) {
  test(`${number}. ${title}`, async () => {
    between[number]?.();
    before = workerPids();
    const output = await machine.run(code);
    await checks[number]?.(output);
  });
}

test('the password of Redis is rotated by the commands of docs/operations.md', async () => {
  const operations = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const [, code = ''] = /^## Rotating a password.*?^```sh\n(.*?)^```$/ms.exec(operations) ?? [];
  before = workerPids();
  writeFileSync(
    machine.path('etc/profile-worker/redis-former-password'),
    machine.read('etc/profile-worker/redis-worker-password'),
  );
  await machine.run(code);
  await runsAnew();
  assert.match(await redisCli('worker', 'redis-worker-password', 'ping'), /PONG/);
  const former = 'REDISCLI_AUTH=$(cat /etc/profile-worker/redis-former-password)';
  const asFormer = `${former} redis-cli -e -h redis.example.org -p 6379 --user worker --tls --cacert /etc/profile-ca/ca.crt ping 2>&1`;
  assert.match((await machine.tryToRun(asFormer)).output, /WRONGPASS|NOAUTH/);
  const [, saved = ''] = /^user worker (.*)$/m.exec(machine.read('etc/redis/users.acl')) ?? [];
  assert.equal(saved.match(/#[0-9a-f]{64}/g)?.length, 1);
});

function dashboards(output: string): void {
  assert.match(output, /SUCCESS/);
  const { groups } = parse(machine.read('etc/prometheus/profile-alerts.yml'));
  for (const { annotations } of groups[0].rules)
    assert.match(
      annotations.runbook_url,
      /^https:\/\/wiki\.example\.org\/profile-worker\/docs\/runbook\.md#profile/,
    );
  const [source] = parse(machine.read('etc/grafana/provisioning/datasources/profile.yml')).datasources;
  assert.equal(source.url, 'http://127.0.0.1:9090');
  const [provider] = parse(machine.read('etc/grafana/provisioning/dashboards/profile.yml')).providers;
  assert.ok(existsSync(machine.path(`${provider.options.path}/profile-worker.json`)));
  for (const unit of ['prometheus', 'grafana-server']) assert.ok(systemd.asked.includes(`restart ${unit}`));
}

/** Behind the backup the phone changes its profile, and another one signs in. */
async function backup(): Promise<void> {
  const day = await machine.run('echo /var/backups/profile/$(date +%F)');
  JSON.parse(readFileSync(join(day.trim(), 'dynamic-security.json'), 'utf8'));
  await machine.run(`tar -tzf ${day.trim()}/settings.tgz >/dev/null`);
  assert.equal((await send('set --phone 380501112233 --presence away')).exitCode, 0);
  await machine.run(
    `(umask 077; ${admin} add --client emqttd_43 --phone 380671112233 > /etc/profile-worker/second-token)`,
  );
  assert.equal((await send('get', 'second-token', 'emqttd_43')).output.includes('not_found'), true);
}

/** All is as it was: the profile, and who may log in. */
async function restore(output: string): Promise<void> {
  assert.match(output, /ready/);
  assert.match(await presence(), /online/);
  assert.match(await machine.run(`${admin} list`), /emqttd_42 +380501112233 +yes +yes/);
  const second = await send('get', 'second-token', 'emqttd_43');
  assert.match(second.output, /cannot be reached|not authorized/i);
  // Redis goes on from there, over a restart too.
  assert.equal((await send('set --phone 380501112233 --presence busy')).exitCode, 0);
  await machine.run('systemctl restart redis-server');
  await machine.run(
    'curl -sS --fail-with-body --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:8081/readyz http://127.0.0.1:8082/readyz',
  );
  assert.match(await presence(), /busy/);
}

async function runsAnew(): Promise<void> {
  for (const [index, pid] of workerPids().entries()) {
    assert.ok(pid !== undefined);
    assert.notEqual(pid, before[index]);
  }
  assert.match(await presence(), /busy/);
}
