/**
 * A client that knows nothing of us, in Python with its own codec, at a broker of production: it logs in as `api`, never
 * subscribes, and goes through all nine requests.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRedis } from '../../../dev/servers/redis.ts';
import { startServices } from '../../../dev/servers/services.ts';
import { signIn } from '../../../src/broker-acl/sign-in.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { openRegistry } from '../../harness/device.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { startWorker } from '../../harness/worker.ts';

const [broker, redis, services] = await Promise.all([
  startProductionBroker({ sharedUsers: 'api', deliver: 'actions,ses', init: 'api' }),
  startRedis(),
  startServices(),
]);
const database = openRedis(redis.url, '', () => undefined);
const registry = openRegistry(database, [broker]);
const worker = await startWorker({
  ...services.settings,
  ...broker.settings('steward'),
  CREDENTIALS_KEY: Buffer.alloc(32, 1).toString('base64'),
  MQTT_CLIENT_ID: 'steward-field',
  MQTT_DYNAMIC_SECURITY: 'on',
  REDIS_URL: redis.url,
  SHUTDOWN_TIMEOUT_MS: '2000',
});
const folder = await mkdtemp(join(tmpdir(), 'profile-field-'));
after(async () => {
  await registry.close();
  await worker.process.stop();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop(), services.stop()]);
  await rm(folder, { recursive: true, force: true });
});

const people = [
  ['emqttd_olena', '380501112233'],
  ['emqttd_taras', '380671112233'],
  ['emqttd_olena_new', '380931112233'],
] as const;

test('a foreign client goes through all nine requests', { timeout: 120_000 }, async (t) => {
  for (const [client, phone] of people) {
    assert.equal(await signIn({ client, phone, token: `token of ${client}` }, '00', registry), 'stored');
  }
  const ca = join(folder, 'ca.crt');
  await writeFile(ca, broker.certificate.cert);
  const who = people.map(([client, phone]) => `${client}=${phone}=token of ${client}`);
  const script = fileURLToPath(new URL('./foreign_client.py', import.meta.url));
  const python = spawn('python3', [script, `${broker.server.port}`, ca, ...who], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => python.kill());
  let faults = '';
  python.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    faults += chunk;
  });
  const steps: string[] = [];
  for await (const line of createInterface(python.stdout)) {
    if (line === 'code?') python.stdin.write(`${mailedCode()}\n`);
    else steps.push(line);
  }
  if (python.exitCode === null) await once(python, 'exit');
  assert.equal(faults, '');
  const requests = ['get', 'set', 'update', 'link', 'email', 'aws', 'migrate', 'phone', 'remove'];
  assert.deepEqual(
    requests.filter((request) => !steps.includes(request)),
    [],
  );
  assert.equal(steps.at(-1), 'done');
});

/** The mail is there before `link` is answered. */
function mailedCode(): string {
  return (
    /\b\d{6}\b/.exec(services.smtp.mails().at(-1)?.text ?? '')?.[0] ?? assert.fail('no code in the mail')
  );
}
