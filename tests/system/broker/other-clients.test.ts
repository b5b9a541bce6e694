/** The same conversation by other client libraries: Mosquitto's own in C, and Eclipse Paho in Python. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atom, decode, encode, type Term } from '../../../src/etf/index.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { contact, feature, fieldsOf, profile, refusal, roster } from '../../harness/terms.ts';

const run = promisify(execFile);
const topic = 'events/1//api/anon//';

const harness = await startHarness();
const folder = await mkdtemp(join(tmpdir(), 'profile-clients-'));
after(async () => {
  await harness.stop();
  await rm(folder, { recursive: true, force: true });
});

const settings = [feature('LANG', 'uk')];
const friendId = '380670000001_5';

/** The requests, in this order. */
const requests = (phone: string): Buffer[] =>
  [
    profile({ phone, status: 'get' }),
    profile({
      phone,
      settings,
      rosters: [roster({ userlist: [contact({ phoneId: friendId })] })],
      status: 'set',
    }),
    profile({ phone, presence: atom('online'), status: 'update' }),
    profile({ phone, status: 'get' }),
    profile({ phone: '380000000000', status: 'get' }),
  ]
    .map((term) => encode(term))
    .concat(Buffer.from('no term'));

/** The expected answers. */
function check(phone: string, answers: readonly Term[]): void {
  const [absent, stored, updated, got, strange, bad, ...more] = answers;
  assert.deepEqual(absent, refusal('not_found'));
  const { update } = fieldsOf(stored ?? []);
  const rosters = [roster({ userlist: [contact({ phoneId: friendId })] })];
  const values = { phone, settings, rosters, update: update ?? 0 };
  assert.deepEqual(stored, profile({ ...values, status: 'set' }));
  assert.deepEqual(updated, profile({ ...values, presence: atom('online'), status: 'update' }));
  assert.deepEqual(got, profile({ ...values, presence: atom('online'), status: 'get' }));
  assert.deepEqual(strange, refusal('not_authorized'));
  assert.deepEqual(bad, refusal('invalid_data'));
  assert.deepEqual(more, []);
}

/** Writes the requests to files; returns their paths. */
async function files(phone: string): Promise<string[]> {
  const paths = requests(phone).map((_, n) => join(folder, `${phone}-${n}.etf`));
  await Promise.all(requests(phone).map((bytes, n) => writeFile(paths[n] ?? '', bytes)));
  return paths;
}

const termOf = (hex: string): Term => decode(Buffer.from(hex, 'hex'));

const connection = (id: string, version: string) => ['-p', `${harness.broker.port}`, '-i', id, '-V', version];

for (const version of ['mqttv311', 'mqttv5']) {
  test(`mosquitto_pub and mosquitto_sub, ${version}`, async (t) => {
    const [client, phone] = [`c-${version}`, version === 'mqttv5' ? '380501112235' : '380501112234'];
    await harness.signIn(client, phone);
    const paths = await files(phone);
    // A retained message on a second topic shows that the listener is subscribed.
    await run('mosquitto_pub', [
      ...connection('sign', version),
      '-q',
      '1',
      '-t',
      'sign',
      '-m',
      'subscribed',
      '-r',
    ]);
    const filters = ['-t', `actions/1/api/${client}`, '-t', 'sign'];
    const listening = [...connection('listener', version), '-q', '2', ...filters, '-F', '%t %x'];
    const listener = spawn('mosquitto_sub', listening, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(async () => {
      listener.kill();
      await once(listener, 'close');
    });
    let output = '';
    listener.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await eventually('the listener is subscribed', () => output.startsWith('sign '));
    const answered = () => [...output.matchAll(/^actions\S+ ([0-9a-f]+)$/gm)].map(([, hex]) => hex ?? '');
    for (const [n, path] of paths.entries()) {
      await run('mosquitto_pub', [...connection(client, version), '-q', '2', '-t', topic, '-f', path]);
      await eventually(`answer ${n + 1}`, () => answered().length > n);
    }
    check(phone, answered().map(termOf));
  });
}

/** Debian's packages belong to Debian's Python, which may not be the first in the PATH. */
const python = existsSync('/usr/lib/python3/dist-packages/paho') ? '/usr/bin/python3' : 'python3';

for (const version of ['3.1.1', '5']) {
  test(`Eclipse Paho in Python, MQTT ${version}`, async () => {
    const [client, phone] = [`python-${version}`, version === '5' ? '380501112238' : '380501112237'];
    await harness.signIn(client, phone);
    const script = fileURLToPath(new URL('./other_clients.py', import.meta.url));
    const { stdout } = await run(
      python,
      [script, `${harness.broker.port}`, version, client, ...(await files(phone))],
      {
        timeout: 120_000,
      },
    );
    check(phone, stdout.trim().split('\n').map(termOf));
  });
}
