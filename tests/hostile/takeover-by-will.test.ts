/** A killed worker's will starts the takeover; no heartbeat has to be missed. A worker that lives keeps its session. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { mqttType } from '../harness/framing.ts';
import {
  eventually,
  type Harness,
  type Phone,
  startHarness,
  type WorkerUnderTest,
} from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';

/** No worker is ever silent for so long. */
const never = { HEIR_AFTER_MS: '600000' };
const CONNECT = 1;
const takeovers = 'profile_adopted_sessions_total';

async function start(t: TestContext, settings: Record<string, string>): Promise<[Harness, Phone]> {
  const harness = await startHarness({ workers: 0, settings });
  t.after(() => harness.stop());
  const phone = await harness.phone({ mqtt: { protocolVersion: 5 } });
  return [harness, phone];
}

/** Sends requests; `happening` comes in their midst. Each is answered, perhaps twice. */
async function answeredWhile(phone: Phone, count: number, happening: () => unknown): Promise<void> {
  phone.answers.length = 0;
  for (let sent = 0; sent < count; sent++) {
    if (sent === Math.floor(count / 2)) await happening();
    const properties = { correlationData: Buffer.from(`${sent}`) };
    await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1, properties });
  }
  const answered = () => new Set(phone.answers.map(({ properties }) => `${properties?.correlationData}`));
  await eventually(`${count} requests are answered`, () => answered().size === count);
}

const deaths = (worker: WorkerUnderTest): unknown[] =>
  worker.log().flatMap(({ death }) => (death === undefined ? [] : [death]));

/** Two workers with one address of the broker. The second's own connections, known by their will, get through while `isOpen`. */
async function startBehindRelay(harness: Harness) {
  const way = { isOpen: true };
  const isOwn = (packet: Buffer) =>
    mqttType(packet) === CONNECT && packet.includes('workers/profile/profile-2');
  const inspector = () => (packet: Buffer) => way.isOpen || !isOwn(packet);
  const relay = await harness.relay({ inspector });
  const other = await harness.startWorker({ MQTT_URL: relay.url });
  const second = await harness.startWorker({ MQTT_URL: relay.url });
  const cut = () => relay.cut((all) => all.slice(-1));
  return { other, second, way, cut };
}

test('one of three workers is killed: one other takes over from the will, long before any heartbeat is missed', async (t) => {
  const [harness, phone] = await start(t, never);
  const workers = [];
  while (workers.length < 3) workers.push(await harness.startWorker());
  const [victim, ...others] = workers;
  await answeredWhile(phone, 300, () => void victim?.process.kill('SIGKILL'));
  const all = others.flatMap(deaths);
  assert.deepEqual(all, ['connection lost']);
  await eventually('it is forgotten', async () => (await harness.database.zcard('workers')) === 2);
});

test('all but one are killed at once: the will of each is heard', async (t) => {
  const [harness, phone] = await start(t, never);
  const survivor = await harness.startWorker();
  const victims = [await harness.startWorker(), await harness.startWorker()];
  await answeredWhile(phone, 300, () => {
    for (const victim of victims) void victim.process.kill('SIGKILL');
  });
  assert.deepEqual(deaths(survivor), ['connection lost', 'connection lost']);
});

test('a worker whose wire is cut and that comes straight back keeps its session', async (t) => {
  const [harness, phone] = await start(t, never);
  const { other, second, cut } = await startBehindRelay(harness);
  // On a busy machine it may not be back in time. Then the other takes over, and all are answered too.
  let kept = 0;
  for (let round = 0; kept < 3; round++) {
    assert.ok(round < 15, `it has kept its session ${kept} times`);
    const before = deaths(other).length;
    await answeredWhile(phone, 60, cut);
    await eventually('it is ready', async () => (await second.page('/readyz')).status === 200);
    await answeredWhile(phone, 20, () => undefined);
    if (deaths(other).length === before) kept++;
  }
});

test('a worker that lives and does not come back loses its session to another, and has it again later', async (t) => {
  const [harness, phone] = await start(t, never);
  const { other, second, way, cut } = await startBehindRelay(harness);
  await answeredWhile(phone, 100, () => {
    way.isOpen = false;
    cut();
  });
  assert.deepEqual(deaths(other), ['connection lost']);
  assert.equal((await second.page('/readyz')).status, 503);
  way.isOpen = true;
  await eventually('it is ready again', async () => (await second.page('/readyz')).status === 200);
  await answeredWhile(phone, 50, () => undefined);
  assert.deepEqual(deaths(other), ['connection lost']);
});

test('a worker that is said to be dead and is not takes its session back, once', async (t) => {
  const [harness, phone] = await start(t, { ...never, HEARTBEAT_MS: '60000' });
  const other = await harness.startWorker();
  const alive = await harness.startWorker();
  const liar = await connectAsync(harness.broker.url, { clientId: 'liar' });
  t.after(() => liar.endAsync(true));
  await answeredWhile(phone, 100, async () => {
    await liar.publishAsync('workers/profile/profile-2', 'lost');
    await eventually('it is taken over', async () => (await other.metric(takeovers)) === 1);
  });
  await eventually('it is ready', async () => (await alive.page('/readyz')).status === 200);
  await answeredWhile(phone, 100, () => undefined);
  assert.equal(await other.metric(takeovers), 1);
  assert.ok((await alive.metric('profile_lost_connections_total{server="broker"}')) <= 2);
});

test('a worker that is stopped leaves no will', async (t) => {
  const [harness, phone] = await start(t, never);
  const other = await harness.startWorker();
  const leaving = await harness.startWorker();
  await answeredWhile(phone, 100, () => void leaving.process.kill('SIGTERM'));
  await eventually('it is forgotten', async () => (await harness.database.zcard('workers')) === 1);
  assert.deepEqual(deaths(other), []);
});
