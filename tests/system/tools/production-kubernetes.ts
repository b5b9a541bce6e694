/** What must be true behind the commands of docs/production.md for Kubernetes. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readSettings } from '../../../src/config/settings.ts';
import type { PageMachine } from '../../harness/page-commands.ts';
import { build, readEnvFile } from '../../unit/deploy/kustomization.ts';

const secretFiles = ['mqtt-password', 'redis-url', 'smtp-url', 'verify-secret', 'credentials-key', 'ca.crt'];

/** The secret of the pods has each file that the workers need. */
export function checkSecrets(machine: PageMachine): void {
  const asked = machine.read('kubectl');
  const files = [...asked.matchAll(/--from-file=(\S+)/g)].map(([, file = '']) => file);
  assert.deepEqual(
    files.map((file) => file.replace(/.*\//, '')),
    secretFiles,
  );
  for (const file of files) assert.ok(existsSync(file), file);
  if (!existsSync('/usr/bin/kubectl')) return;
  for (const file of secretFiles) assert.ok(machine.read('created').includes(`"${file}"`), file);
}

/** A worker would start with what the pod has. */
export function checkManifests(machine: PageMachine): void {
  const manifests = build(machine.path('etc/profile-kubernetes/overlays/production'));
  const settings = manifests.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'profile-worker',
  );
  const text = JSON.stringify(manifests.find(({ kind }) => kind === 'Deployment'));
  const mounted = [...text.matchAll(/"name":"(\w+)_FILE","value":"\/run\/secrets\/profile\/([^"]+)"/g)];
  for (const [, , file = ''] of mounted) assert.ok(secretFiles.includes(file), file);
  const given = settings?.data as Record<string, string>;
  assert.equal(given.MQTT_CA, '/run/secrets/profile/ca.crt');
  assert.equal(given.REDIS_CA, given.MQTT_CA);
  const values = mounted.map(([, name = '', file = '']) => [
    name,
    machine.read(`etc/profile-worker/${file}`).trimEnd(),
  ]);
  const ca = machine.read('etc/profile-ca/ca.crt');
  const { mqtt, aws, mail } = readSettings({
    ...given,
    ...Object.fromEntries(values),
    MQTT_CA: ca,
    REDIS_CA: ca,
  });
  assert.ok(mqtt.password && aws && mail);
  assert.deepEqual(
    readEnvFile(machine.path('etc/profile-kubernetes/overlays/production/settings.env')),
    pick(given),
  );
  assert.match(machine.read('kubectl'), /rollout status deployment\/profile-worker/);
  if (existsSync('/usr/bin/kubectl')) assert.match(machine.read('applied'), /kind: Deployment/);
}

/** What the page has `kubectl` run in a pod, with the same settings and the same broker. */
export async function asksInThePod(machine: PageMachine): Promise<void> {
  const [, command = ''] =
    /exec deployment\/profile-worker -- (profilectl .*)/.exec(machine.read('kubectl')) ?? [];
  assert.match(command, /^profilectl doctor/);
  await machine.run(command);
}

/** Without what the base says. */
function pick({ SHUTDOWN_TIMEOUT_MS: _, ...given }: Record<string, string>): Record<string, string> {
  return given;
}
