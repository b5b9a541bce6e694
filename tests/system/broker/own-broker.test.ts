/**
 * A broker with a password file and an ACL file, as "At a Mosquitto of your own" in mosquitto/README.md has it: a phone is the
 * client that its user name says, whatever client id it sends. The listener of the workers shows what would be without that.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { mosquitto } from '../../../dev/servers/installed.ts';
import { buildPlugin, hashed, PLUGINS } from '../../../dev/servers/mosquitto.ts';
import { freePort, startServer } from '../../../dev/servers/process.ts';
import { connectClient, type Received } from '../../harness/mqtt-clients.ts';

const [OLENA, TARAS] = ['380501112233', '380671112233'];
const REFUSED = { code: 135 };

const readme = await readFile(new URL('../../../mosquitto/README.md', import.meta.url), 'utf8');
const [, section = ''] = /^## At a Mosquitto of your own\n(.*?)^## /ms.exec(readme) ?? [];
const [conf = '', acl = ''] = [...section.matchAll(/^```\n(.*?)^```$/gms)].map(([, block = '']) => block);

await buildPlugin();
const workersPort = await freePort();
const passwordsOf = (...users: string[]) => users.map((user) => `${user}:${hashed(user)}\n`).join('');
const broker = await startServer({
  command: mosquitto,
  arguments: ['-c', 'mosquitto.conf'],
  protocol: 'mqtt',
  ready: /mosquitto version \S+ running/,
  configure: async (folder, port) => {
    await mkdir(join(folder, 'plugin'), { recursive: true });
    for (const [, plugin = ''] of conf.matchAll(/^plugin (\S+)$/gm))
      await cp(join(PLUGINS, basename(plugin)), join(folder, plugin));
    const here = conf
      .replace(/^listener 8883$/m, `listener ${port} 127.0.0.1`)
      .replace(/^listener 8884$/m, `listener ${workersPort} 127.0.0.1`);
    const user = process.getuid?.() === 0 ? 'user root\n' : '';
    await writeFile(join(folder, 'mosquitto.conf'), `${user}${here}`);
    await writeFile(join(folder, 'acl'), acl);
    await writeFile(join(folder, 'passwords'), passwordsOf('worker', OLENA, TARAS), { mode: 0o600 });
  },
});
after(() => broker.stop());
const workersUrl = `mqtt://127.0.0.1:${workersPort}`;

type Heard = (message: Received) => void;
/** With a password that is the user name. */
const login = (t: TestContext, url: string, who: { username: string; clientId: string }, heard?: Heard) =>
  connectClient(t, url, { ...who, password: who.username }, heard);

/** A worker that is subscribed, and the topics of the requests that it hears. */
async function startWorker(t: TestContext) {
  const topics: string[] = [];
  const worker = await login(t, workersUrl, { username: 'worker', clientId: 'profile-0' }, ({ topic }) =>
    topics.push(topic),
  );
  await worker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  /** Answers to messages that came before. */
  const settle = () => worker.subscribeAsync('no/topic');
  return { worker, topics, settle };
}

test('a phone that connects with another’s client id is itself, and reads nothing of the other', async (t) => {
  const { worker, topics, settle } = await startWorker(t);
  const [olenaHeard, tarasHeard]: [string[], string[]] = [[], []];
  const taras = await login(t, broker.url, { username: TARAS, clientId: TARAS }, ({ topic }) =>
    tarasHeard.push(topic),
  );
  await taras.subscribeAsync('#', { qos: 1 });
  const olena = await login(t, broker.url, { username: OLENA, clientId: TARAS }, ({ topic }) =>
    olenaHeard.push(topic),
  );
  await olena.subscribeAsync('#', { qos: 1 });
  await olena.publishAsync(`events/1//api/anon/${TARAS}/`, 'p', { qos: 1 });
  for (const phone of [OLENA, TARAS]) {
    await worker.publishAsync(`actions/1/api/${phone}`, 'answer', { qos: 1 });
    await worker.publishAsync(`ses/${phone}`, 'notice', { qos: 1 });
  }
  await settle();
  for (const phone of [olena, taras]) await phone.subscribeAsync('no/topic');
  assert.deepEqual(topics, [`events/1//api/anon/${OLENA}/`]);
  assert.deepEqual(olenaHeard, [`actions/1/api/${OLENA}`, `ses/${OLENA}`]);
  assert.deepEqual(tarasHeard, [`actions/1/api/${TARAS}`, `ses/${TARAS}`]);
  assert.ok(taras.connected);
});

test('on a listener without the option it is the other: so phones must not reach that of the workers', async (t) => {
  const { topics, settle } = await startWorker(t);
  const olena = await login(t, workersUrl, { username: OLENA, clientId: TARAS });
  await olena.publishAsync('events/1//api/anon//', 'p', { qos: 1 });
  await settle();
  assert.deepEqual(topics, [`events/1//api/anon/${TARAS}/`]);
});

test('a phone gets no worker’s client id, and nobody is a worker on the phones’ listener', async (t) => {
  await startWorker(t);
  await assert.rejects(login(t, workersUrl, { username: OLENA, clientId: 'profile-0' }), REFUSED);
  await assert.rejects(login(t, broker.url, { username: 'worker', clientId: 'profile-1' }), REFUSED);
  await assert.rejects(connectClient(t, broker.url, { clientId: OLENA }), REFUSED);
});

test('a phone publishes requests only', async (t) => {
  await startWorker(t);
  const olena = await login(t, broker.url, { username: OLENA, clientId: OLENA });
  for (const topic of [`actions/1/api/${TARAS}`, `ses/${TARAS}`, 'workers/profile/profile-0', 'status'])
    await assert.rejects(olena.publishAsync(topic, 'p', { qos: 1 }), REFUSED, topic);
});

test('who is taken out of the password file is cut off at SIGHUP', async (t) => {
  const { worker } = await startWorker(t);
  const olena = await login(t, broker.url, { username: OLENA, clientId: OLENA });
  const taras = await login(t, broker.url, { username: TARAS, clientId: TARAS });
  const closed = new Promise<void>((resolve) => olena.once('close', () => resolve()));
  await writeFile(join(broker.folder, 'passwords'), passwordsOf('worker', TARAS), { mode: 0o600 });
  await broker.kill('SIGHUP');
  await closed;
  await taras.subscribeAsync('no/topic');
  assert.ok(worker.connected && taras.connected);
  await assert.rejects(login(t, broker.url, { username: OLENA, clientId: OLENA }), REFUSED);
});
