/**
 * src/failover/session-takeover.ts: a surviving worker processes the messages that the broker holds for a killed one.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually, startHarness, type WorkerUnderTest } from '../../harness/harness.ts';
import { profile } from '../../harness/terms.ts';

/** Faster than the default, to make the tests faster. */
const settings = { HEARTBEAT_MS: '200', HEIR_AFTER_MS: '1000' };

const harness = await startHarness({ redis: {}, settings });
const fleet = `workers:profile@127.0.0.1:${harness.broker.port}`;
const phone = await harness.phone({ mqtt: { protocolVersion: 5 } });
await phone.ask(profile({ phone: phone.number, status: 'set' }));
after(() => harness.stop());

/** Workers with new names, like pods; each has sent enough heartbeats to check others. */
async function startWorkers(count: number): Promise<WorkerUnderTest[]> {
  const started: WorkerUnderTest[] = [];
  while (started.length < count) {
    const name = `pod-${harness.workers.length}-${Math.random().toString(36).slice(2, 8)}`;
    started.push(await harness.startWorker({ MQTT_CLIENT_ID: name }));
  }
  return started;
}

let rounds = 0;

/**
 * Sends requests, does something to workers meanwhile, and waits for each answer; an answer may arrive twice, also
 * much later.
 */
async function answeredWhile(count: number, happening: () => unknown): Promise<void> {
  const round = `round ${++rounds}: `;
  let happened: unknown;
  for (let sent = 0; sent < count; sent++) {
    if (sent === Math.floor(count / 2)) happened = happening();
    const properties = { correlationData: Buffer.from(`${round}${sent}`) };
    await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1, properties });
  }
  await happened;
  const answered = (): Set<string> =>
    new Set(
      phone.answers
        .map(({ properties }) => String(properties?.correlationData))
        .filter((name) => name.startsWith(round)),
    );
  await eventually(`${count} requests are answered`, () => answered().size === count);
}

async function adopted(workers: readonly WorkerUnderTest[]): Promise<number> {
  const counts = await Promise.all(workers.map((worker) => worker.metric('profile_adopted_sessions_total')));
  return counts.reduce((sum, count) => sum + count, 0);
}

test('when one of two workers is killed and never comes back, all its requests are answered', async () => {
  const [victim] = await startWorkers(1);
  await answeredWhile(200, () => void victim?.process.kill('SIGKILL'));
  await eventually('the survivor took over', async () => (await adopted([harness.worker])) === 1);
});

test('when all but one of three workers are killed at once, all requests are answered', async () => {
  const victims = await startWorkers(2);
  const before = await adopted([harness.worker]);
  await answeredWhile(300, () => {
    for (const victim of victims) void victim.process.kill('SIGKILL');
  });
  await eventually(
    'the survivor took over both',
    async () => (await adopted([harness.worker])) >= before + 2,
  );
});

test('a frozen worker whose session was taken over continues when it resumes', async () => {
  const [victim] = await startWorkers(1);
  assert.ok(victim);
  await answeredWhile(200, () => void victim.process.kill('SIGSTOP'));
  void victim.process.kill('SIGCONT');
  await eventually('it is ready again', async () => (await victim.page('/readyz')).status === 200);
  await answeredWhile(50, () => undefined);
});

test('a killed worker that comes back during the takeover gets its session back', async () => {
  let victim: WorkerUnderTest | undefined;
  let isMet = false;
  // A takeover may be over before it is seen to have begun.
  for (let tries = 0; !isMet; tries++) {
    assert.ok(tries < 20, 'no takeover was met while it was under way');
    [victim] = await startWorkers(1);
    assert.ok(victim);
    const { process } = victim;
    const name = /"connectedAs":"([^"]+)"/.exec(process.log())?.[1];
    const isOver = (): boolean =>
      harness.workers.some((successor) =>
        successor
          .log()
          .some(({ worker, msg }) => worker === name && /session takeover is (complete|left)/.test(`${msg}`)),
      );
    await answeredWhile(100, async () => {
      await process.kill('SIGKILL');
      while (!isMet && !isOver()) isMet = (await harness.database.keys(`heir:*:${name}`)).length > 0;
      if (!isMet) return;
      await harness.redis.kill('SIGSTOP'); // Keeps the takeover from completing.
      const returning = process.restart();
      await eventually('it is back at the broker', () => process.log().includes('"msg":"subscribed"'));
      await harness.redis.kill('SIGCONT');
      await returning;
      await eventually('its successor pauses the takeover', isOver);
    });
  }
  await answeredWhile(50, () => undefined);
  await eventually(
    'it takes requests again',
    async () =>
      ((await victim?.metric('profile_requests_total{kind="get",result="ok",lane="fast"}')) ?? 0) > 0,
  );
});

test('no takeover follows a worker that is stopped in an orderly way', async () => {
  const before = await adopted(harness.workers.slice(0, 1));
  const [leaving] = await startWorkers(1);
  await answeredWhile(100, () => void leaving?.process.kill('SIGTERM'));
  await eventually('it is forgotten', async () => (await harness.database.zcard(fleet)) === 3);
  assert.equal(await adopted(harness.workers.slice(0, 1)), before);
});
