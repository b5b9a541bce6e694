/** What a broker that is stopped, or killed, loses of what it has acknowledged to phones of MQTT 3.1.1: nothing, or what came in the last moment. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import mqtt from 'mqtt';
import { withoutSqlite } from '../../dev/servers/mosquitto.ts';
import { eventually } from '../harness/eventually.ts';
import { type ProductionBroker, startProductionBroker } from '../harness/production-broker.ts';
import { RestartedBroker } from '../harness/restarted-broker.ts';

const snapshot = { persistence: 'snapshot', hold: 'worker=60' } as const;
const kinds = [
  { persistence: 'sqlite', hold: 'worker=0', skip: withoutSqlite },
  { ...snapshot, skip: false },
] as const;

for (const { skip, ...options } of kinds) {
  const { persistence } = options;

  test(`${persistence}: a broker that is stopped under load and comes back loses no request`, {
    skip,
  }, async (t) => {
    const own = await RestartedBroker.start(t, options, { workers: 2, phones: 8 });
    await own.ask(60, (round) => (round % 25 === 20 ? own.broker.server.restart() : undefined));
    await eventually('nothing is lost', async () => (await own.lost()).length === 0, 20_000);
    assert.deepEqual(await own.lost(), []);
  });

  test(`${persistence}: a broker that is killed while no worker is there loses none that it has saved`, {
    skip,
  }, async (t) => {
    const own = await RestartedBroker.start(t, options, { workers: 2, phones: 8 });
    const { server } = own.broker;
    await Promise.all(own.workers.map((worker) => worker.process.kill('SIGKILL')));
    await own.ask(60);
    // At QoS 1 and 2, one after the other: with sqlite the turn of the broker's loop that took the last request is over.
    await own.ask(1);
    if (persistence === 'snapshot') await rewritten(join(server.folder, 'data', 'mosquitto.db'));
    const accepted = own.acceptedCount;
    await server.kill('SIGKILL');
    await server.restart();
    await Promise.all(own.workers.map((worker) => worker.process.restart()));
    await eventually('nothing is lost', async () => (await own.lost()).length === 0, 20_000).catch(
      () => undefined,
    );
    assert.equal(accepted, 8 * 61);
    assert.deepEqual(await own.lost(), []);
  });
}

test('snapshot: phones that are back before a worker wait for it, and what they publish then is not dropped', async (t) => {
  const own = await RestartedBroker.start(t, snapshot, { workers: 2, phones: 4 });
  const { server } = own.broker;
  let refused = 0;
  for (const worker of own.workers) await worker.process.kill('SIGSTOP');
  await server.restart();
  for (const { mqtt } of own.phones) mqtt.on('close', () => refused++);
  const asking = own.ask(5);
  await eventually(
    'each phone was refused some times',
    () => refused >= 5 * own.phones.length || own.acceptedCount > 0,
  );
  assert.equal(own.acceptedCount, 0);
  for (const worker of own.workers) await worker.process.kill('SIGCONT');
  await asking;
  assert.equal(own.acceptedCount, 5 * own.phones.length);
  await eventually('nothing is lost', async () => (await own.lost()).length === 0);
});

/** Logs in once. @returns whether it was let in, and the error that the client was told. */
async function logIn(t: TestContext, broker: ProductionBroker, user: string, clientId: string) {
  const options = { ...broker.login(user), clientId, protocolVersion: 5, reconnectPeriod: 0 } as const;
  const client = mqtt.connect(broker.server.url, options);
  t.after(() => client.endAsync(true));
  let told = '';
  client.on('error', ({ message }) => {
    told = message;
  });
  const isIn = await new Promise<boolean>((resolve) => {
    client.once('connect', () => resolve(true)).once('close', () => resolve(false));
  });
  return { client, isIn, told };
}

test('a broker that waits for a worker says nothing of passwords, and waits no longer than it is told', async (t) => {
  const broker = await startProductionBroker({ persistence: 'snapshot', hold: 'worker=5' });
  t.after(() => broker.server.stop());
  assert.equal((await logIn(t, broker, 'worker', 'profile-1')).isIn, true);
  const refused = await logIn(t, broker, 'qa', 'qa-1');
  assert.deepEqual([refused.isIn, /authorized|password/i.test(refused.told)], [false, false]);
  await eventually('it is let in', async () => (await logIn(t, broker, 'qa', 'qa-1')).isIn);
  await eventually('the log says so', () =>
    broker.server.log().includes('no worker has subscribed within 5 s: everybody is let in'),
  );
});

test('nobody but a worker that has subscribed to its share of the requests opens it', async (t) => {
  const broker = await startProductionBroker({ persistence: 'snapshot', hold: 'worker=3600' });
  t.after(() => broker.server.stop());
  const { client } = await logIn(t, broker, 'worker', 'profile-1');
  await client.subscribeAsync('events/1/+/api/+/+/+', { qos: 1 });
  assert.equal((await logIn(t, broker, 'qa', 'qa-1')).isIn, false);
  await client.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  assert.equal((await logIn(t, broker, 'qa', 'qa-1')).isIn, true);
});

/** Twice: the first time may have begun before. */
async function rewritten(file: string): Promise<void> {
  for (let count = 0; count < 2; count++) {
    const before = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    await eventually(
      'a snapshot is written',
      () => statSync(file, { throwIfNoEntry: false })?.mtimeMs !== before,
    );
  }
}
