import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readSettings, settingNames } from '../../../src/config/settings.ts';
import { openMetrics } from '../../../src/telemetry/metrics.ts';
import { build, type Manifest } from './kustomization.ts';
import { problemsOf, typeErrorsOf } from './schemas.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: unknown;
  readonly args?: unknown;
  readonly env: readonly { name: string; value?: string; valueFrom?: { configMapKeyRef: { key: string } } }[];
  readonly ports: readonly { name: string; containerPort: number }[];
  readonly securityContext: Record<string, unknown>;
  readonly resources: { requests: Record<string, string>; limits: Record<string, string> };
  readonly [probe: `${string}Probe`]: { readonly httpGet: { path: string; port: string } };
}

interface Pod {
  readonly metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  readonly spec: {
    readonly terminationGracePeriodSeconds: number;
    readonly securityContext: Record<string, unknown>;
    readonly containers: readonly Container[];
    readonly volumes: readonly { name: string; secret?: unknown; configMap?: { name: string } }[];
    readonly topologySpreadConstraints: readonly { labelSelector: { matchLabels: object } }[];
  };
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const overlays = ['production', 'keda'].map((name) => ({
  name,
  manifests: build(`${root}deploy/kubernetes/overlays/${name}`),
}));

function one(manifests: readonly Manifest[], kind: string, name = 'profile-worker'): Manifest {
  const [found, ...more] = manifests.filter((each) => each.kind === kind && each.metadata.name === name);
  assert.ok(found !== undefined && more.length === 0, `one ${kind} ${name}`);
  return found;
}

function podOf(manifests: readonly Manifest[]): Pod {
  return (one(manifests, 'Deployment').spec as { template: Pod }).template;
}

function workerOf(manifests: readonly Manifest[]): Container {
  const [container, ...more] = podOf(manifests).spec.containers;
  assert.ok(container !== undefined && more.length === 0);
  return container;
}

const dataOf = (configMap: Manifest) => configMap.data as Record<string, string>;

for (const { name, manifests } of overlays) {
  test(`${name}: each manifest matches the schema of its kind, without unknown fields`, () => {
    assert.ok(manifests.length >= 7);
    for (const manifest of manifests) assert.deepEqual(problemsOf(manifest), [], manifest.kind);
    assert.deepEqual(typeErrorsOf(manifests), []);
  });

  test(`${name}: all objects are in one namespace, and none is there twice`, () => {
    const ids = manifests.map(({ kind, metadata }) => `${metadata.namespace} ${kind} ${metadata.name}`);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^profile /);
  });

  test(`${name}: a worker would start with these settings and the secrets`, () => {
    const given = dataOf(one(manifests, 'ConfigMap'));
    const { env } = workerOf(manifests);
    const secrets: Record<string, string> = {
      MQTT_PASSWORD: 'secret',
      REDIS_URL: 'rediss://:secret@redis.example.org:6379',
      SMTP_URL: 'smtp://user:secret@mail.example.org:587',
      VERIFY_SECRET: 'x'.repeat(32),
      CREDENTIALS_KEY: Buffer.alloc(32).toString('base64'),
    };
    const byFile = env.filter((each) => each.name.endsWith('_FILE') && each.name !== 'AWS_CONFIG_FILE');
    const values = byFile.map((each) => {
      const setting = each.name.slice(0, -'_FILE'.length);
      assert.match(each.value ?? '', /^\/run\/secrets\/profile\//);
      return [setting, secrets[setting] ?? assert.fail(`${setting} is no known secret`)];
    });
    assert.deepEqual(values.map(([setting]) => setting).sort(), Object.keys(secrets).sort());
    for (const setting of Object.keys(given)) assert.ok(settingNames.includes(setting), setting);
    for (const setting of Object.keys(secrets)) assert.ok(!(setting in given), `${setting} is no secret`);
    const settings = readSettings({ ...given, ...Object.fromEntries(values) });
    assert.ok(settings.mail !== undefined && settings.aws !== undefined);
    assert.equal(settings.http.port, workerOf(manifests).ports[0]?.containerPort);
  });

  test(`${name}: the image is the one of this version, with its own entry point and port`, () => {
    const { version } = JSON.parse(read('package.json'));
    const worker = workerOf(manifests);
    assert.match(worker.image, new RegExp(`/profile-worker:${version.replaceAll('.', '\\.')}$`));
    assert.deepEqual([worker.command, worker.args], [undefined, undefined]);
    const port = /\bHTTP_PORT=(\d+)/.exec(read('Dockerfile'))?.[1];
    assert.deepEqual(worker.ports, [{ name: 'http', containerPort: Number(port) }]);
    assert.equal(podOf(manifests).metadata.annotations['prometheus.io/port'], port);
  });

  test(`${name}: the pod gives a worker longer than SHUTDOWN_TIMEOUT_MS to end, as docker compose does`, () => {
    const seconds = podOf(manifests).spec.terminationGracePeriodSeconds;
    const data = dataOf(one(manifests, 'ConfigMap'));
    assert.ok(seconds * 1000 > Number(data.SHUTDOWN_TIMEOUT_MS));
    assert.match(read('docker-compose.yml'), new RegExp(`stop_grace_period: ${seconds}s`));
  });

  test(`${name}: a worker is not root, has no capability, and can write to nothing`, () => {
    const { runAsNonRoot, runAsUser, seccompProfile } = podOf(manifests).spec.securityContext;
    assert.deepEqual([runAsNonRoot, seccompProfile], [true, { type: 'RuntimeDefault' }]);
    assert.equal(String(runAsUser), /USER (\d+):\d+\nSTOPSIGNAL/.exec(read('Dockerfile'))?.[1]);
    assert.deepEqual(workerOf(manifests).securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test(`${name}: the probes use the worker’s HTTP pages`, () => {
    const worker = workerOf(manifests);
    const paths = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const;
    assert.deepEqual(
      paths.map((probe) => worker[probe]?.httpGet),
      ['/livez', '/livez', '/readyz'].map((path) => ({ path, port: 'http' })),
    );
    for (const path of ['/livez', '/readyz']) assert.ok(read('src/telemetry/http.ts').includes(`'${path}'`));
  });

  test(`${name}: budget, policy, spread and autoscaler select the pods of the Deployment`, () => {
    const pod = podOf(manifests);
    const selectors = [
      (one(manifests, 'Deployment').spec as { selector: { matchLabels: object } }).selector,
      (one(manifests, 'PodDisruptionBudget').spec as { selector: { matchLabels: object } }).selector,
      (one(manifests, 'NetworkPolicy').spec as { podSelector: { matchLabels: object } }).podSelector,
      ...pod.spec.topologySpreadConstraints.map(({ labelSelector }) => labelSelector),
    ];
    assert.equal(selectors.length, 5);
    for (const { matchLabels } of selectors) assert.deepEqual(matchLabels, pod.metadata.labels);
    const scalers = manifests.filter(({ kind }) => /Autoscaler|ScaledObject/.test(kind));
    const targets = scalers.map(
      ({ spec }) => (spec as { scaleTargetRef: { name: string } }).scaleTargetRef.name,
    );
    assert.deepEqual(targets, ['profile-worker']);
    assert.equal((one(manifests, 'Deployment').spec as { replicas?: number }).replicas, undefined);
  });

  test(`${name}: the pod's own role on EKS differs from the phones’ role, and the SDK gets both`, () => {
    const own = one(manifests, 'ServiceAccount').metadata as { annotations?: Record<string, string> };
    const role = own.annotations?.['eks.amazonaws.com/role-arn'];
    const config = dataOf(one(manifests, 'ConfigMap', 'profile-worker-aws'))['aws-config'] ?? '';
    assert.equal(/^role_arn = (.*)$/m.exec(config)?.[1], role);
    assert.notEqual(dataOf(one(manifests, 'ConfigMap')).AWS_ROLE_ARN, role);
    const { env } = workerOf(manifests);
    const phones = env.find((each) => each.name === 'AWS_ROLE_ARN');
    assert.equal(phones?.valueFrom?.configMapKeyRef.key, 'AWS_ROLE_ARN');
  });
}

test('KEDA uses a metric that the worker has', async () => {
  const scaled = one(overlays[1]?.manifests ?? [], 'ScaledObject');
  const { triggers } = scaled.spec as { triggers: { type: string; metadata: { query?: string } }[] };
  const query = triggers.find(({ type }) => type === 'prometheus')?.metadata.query ?? '';
  const metric = /profile_\w+/.exec(query)?.[0];
  const metrics = openMetrics();
  metrics.read({
    isReady: () => true,
    inFlightLimit: 256,
    brokers: [{ state: {}, inFlight: 77, unacked: { count: 0, ackPending: 0, oldestSeconds: 0 } }],
    redisCalls: { answered: 0, repeated: 0, refused: 0 },
  });
  assert.match(await metrics.text(), new RegExp(`^${metric} 77$`, 'm'));
});

test('the check finds an unknown field, a wrong type and a missing one', () => {
  const manifest: Manifest = structuredClone(one(overlays[0]?.manifests ?? [], 'PodDisruptionBudget'));
  assert.deepEqual(problemsOf({ ...manifest, spec: { maxUnavailable: 1, minAvailble: 1 } }), []);
  assert.match(typeErrorsOf([{ ...manifest, spec: { minAvailble: 1 } }]).join(), /minAvailble/);
  assert.notDeepEqual(problemsOf({ ...manifest, spec: { maxUnavailable: [] } }), []);
  const scaled = one(overlays[1]?.manifests ?? [], 'ScaledObject');
  assert.notDeepEqual(problemsOf({ ...scaled, spec: { triggers: [] } }), []);
});
