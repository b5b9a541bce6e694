import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { parse } from 'yaml';
import { startRedis } from '../../../dev/servers/redis.ts';
import { readSettings, settingNames } from '../../../src/config/settings.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Service {
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
}

const text = read('docker-compose.yml');
const services: Readonly<Record<string, Service>> = parse(text, { merge: true }).services;
const service = (name: string) => services[name] ?? assert.fail(`no service ${name}`);
const namesOf = (profile: string | undefined) =>
  Object.entries(services)
    .filter(([, { profiles = [] }]) =>
      profile === undefined ? profiles.length === 0 : profiles.includes(profile),
    )
    .map(([name]) => name)
    .sort();

/** Host names in a list of addresses. */
const hostsOf = (urls: unknown) => `${urls}`.split(',').map((url) => new URL(url).hostname);
/** The port of a line such as `127.0.0.1:${PORT:-1883}:1883`. */
const insideOf = ({ ports = [] }: Service) => ports.map((port) => port.split(':').at(-1));

for (const options of [[], ['--profile', 'observability'], ['--profile', 'cluster']]) {
  test(`docker-compose reads the file${options.map((word) => ` ${word}`).join('')}`, () => {
    // Debian's version 1 knows neither a project name in the file nor `start_interval`.
    const input = text.replace(/^name: .*$/m, '').replace(/^ +start_interval: .*$/m, '');
    const words = ['--project-name', 'profile', '--file', '-', ...options, 'config', '--quiet'];
    const { status, stderr } = spawnSync('docker-compose', words, { cwd: root, input, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
}

test('without a profile only the basic services start, and none depends on a profile', () => {
  const plain = namesOf(undefined);
  assert.deepEqual(plain, ['mailpit', 'mosquitto', 'page', 'redis', 'sts', 'worker']);
  for (const name of plain) {
    for (const needed of Object.keys(service(name).depends_on ?? {}))
      assert.ok(plain.includes(needed), needed);
  }
});

test('the dependencies of a profile are in it, or always started, and have a health check', () => {
  for (const profile of ['observability', 'cluster']) {
    const there = [...namesOf(undefined), ...namesOf(profile)];
    for (const name of namesOf(profile)) {
      for (const [needed, { condition }] of Object.entries(service(name).depends_on ?? {})) {
        assert.ok(there.includes(needed), `${name} needs ${needed}`);
        if (condition === 'service_healthy') assert.ok(service(needed).healthcheck, needed);
        else assert.equal(condition, 'service_completed_successfully');
      }
    }
  }
});

test('no two services take one port', () => {
  const presets = Object.values(services).flatMap(({ ports = [] }) =>
    ports.map((port) => /:-(\d+)\}/.exec(port)?.[1]),
  );
  assert.equal(new Set(presets).size, presets.length);
});

describe('observability', () => {
  const prometheus = parse(read('deploy/prometheus/prometheus.yml'));
  const [job] = prometheus.scrape_configs;

  test('Prometheus scrapes every worker, of each profile, on its HTTP port', () => {
    const [{ names, port }] = job.dns_sd_configs;
    const workers = Object.keys(services).filter(
      (name) => service(name).environment?.MQTT_URL && /worker$/.test(name),
    );
    assert.deepEqual([...names].sort(), workers.sort());
    for (const name of workers) assert.equal(service(name).environment?.HTTP_PORT, port);
  });

  test('Prometheus and Grafana find the files that are mounted for them', () => {
    assert.ok(service('prometheus').volumes?.includes('./deploy/prometheus:/etc/prometheus:ro'));
    for (const file of prometheus.rule_files) assert.ok(existsSync(join(root, 'deploy/prometheus', file)));
    const mounted = (service('grafana').volumes ?? []).map((volume) => volume.split(':'));
    const onDisk = (path: string) => {
      const [from = '', to = ''] = mounted.find(([, target = '']) => path.startsWith(target)) ?? [];
      return join(root, from, path.slice(to.length));
    };
    const home = `${service('grafana').environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH}`;
    assert.ok(existsSync(onDisk(home)));
    const [{ options }] = parse(read('deploy/grafana/provisioning/dashboards/profile.yml')).providers;
    assert.ok(home.startsWith(`${options.path}/`));
    const [source] = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')).datasources;
    const { hostname, port } = new URL(source.url);
    assert.deepEqual([port], insideOf(service(hostname)));
  });
});

describe('cluster', () => {
  const { environment: given = {} } = service('cluster-worker');

  test('its workers have the settings of the others, except brokers and Redis, which are those of the profile', () => {
    const { environment: plain = {} } = service('worker');
    const same = (all: typeof plain) => ({ ...all, MQTT_URL: '', REDIS_URL: '' });
    assert.deepEqual(same(given), same(plain));
    const brokers = hostsOf(given.MQTT_URL);
    const nodes = hostsOf(given.REDIS_URL);
    assert.deepEqual([brokers.length, nodes.length], [2, 3]);
    for (const host of [...brokers, ...nodes]) assert.ok(namesOf('cluster').includes(host), host);
    assert.deepEqual(
      `${service('redis-cluster').environment?.NODES}`.split(' '),
      nodes.map((host) => `${host}:6379`),
    );
  });

  test('a worker accepts these settings', () => {
    const presets = Object.entries(given)
      .filter(([name]) => name === 'NODE_ENV' || settingNames.includes(name))
      .map(([name, value]) => [name, `${value}`.replace(/^\$\{\w+:-(.*)\}$/, '$1')]);
    const { mqtt, redis } = readSettings(Object.fromEntries(presets));
    assert.equal(mqtt.urls.length, 2);
    assert.match(redis.url, /,/);
  });

  test('the nodes form a Cluster; forming it once more changes nothing', async (t) => {
    const extraConfig = 'cluster-enabled yes\ncluster-node-timeout 2000';
    const nodes = await Promise.all([1, 2, 3].map(() => startRedis({ extraConfig })));
    t.after(() => Promise.all(nodes.map((node) => node.stop())));
    const NODES = nodes.map(({ port }) => `127.0.0.1:${port}`).join(' ');
    const form = async () => {
      const script = join(root, 'deploy/compose/form-cluster.sh');
      const child = spawn('sh', [script], {
        env: { PATH: process.env.PATH, NODES },
        stdio: 'ignore',
        timeout: 120_000,
      });
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    };
    await form();
    const redis = new Redis(nodes[0]?.url ?? '');
    t.after(() => redis.disconnect());
    const formed = await redis.cluster('SLOTS');
    assert.equal(formed.length, 3);
    await form();
    assert.deepEqual(await redis.cluster('SLOTS'), formed);
  });
});
