/** docs/upgrading.md: an earlier version of the worker and this one, side by side on one Redis and one broker. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Services, startServices } from '../../../dev/servers/services.ts';
import { keep, read } from '../../harness/address-books.ts';
import { type EarlierVersion, earlierVersion } from '../../harness/earlier-version.ts';
import {
  eventually,
  type Harness,
  type Phone,
  startHarness,
  type WorkerUnderTest,
} from '../../harness/harness.ts';
import { converse, sentKinds } from '../../harness/nine-requests.ts';
import { credentialsKey } from '../../harness/services-fixture.ts';
import { profile } from '../../harness/terms.ts';

const earlier = earlierVersion();

/** Enough for each of two workers to receive each kind of request. */
const maxConversations = 12;

if (typeof earlier === 'string') test('two versions side by side', { skip: earlier }, () => undefined);
else describe(`beside ${earlier.name}`, () => sideBySide(earlier));

function sideBySide(old: EarlierVersion): void {
  let harness: Harness;
  let services: Services;
  before(async () => {
    services = await startServices();
    const settings = {
      ...services.settings,
      CREDENTIALS_KEY: credentialsKey,
      // The first `aws` loads the SDK, which is slow on a busy machine.
      AWS_FAST_REPLY_MS: '15000',
      HEARTBEAT_MS: '200',
      HEIR_AFTER_MS: '1000',
    };
    harness = await startHarness({ workers: 0, settings });
    await harness.startWorker({ MQTT_CLIENT_ID: 'old' }, old.program);
    await harness.startWorker({ MQTT_CLIENT_ID: 'new' });
  });
  after(async () => {
    await services.stop();
    old.remove();
    await harness.stop();
  });

  test('a phone is answered alike, whichever version answers each of the nine requests', async () => {
    for (let count = 0; !(await haveBothAnswered(harness)); count++) {
      assert.ok(count < maxConversations, 'the broker gives both versions each kind of request');
      const taras = await converse(harness, services.smtp);
      // The broker distributes requests in turn: one extra request reverses the distribution of the next
      // conversation.
      if (count % 2 === 0) await read(taras);
    }
  });

  test('no request is lost when the earlier version is stopped under load, nor when it comes back and this one is killed', async () => {
    const phone = await harness.phone({ mqtt: { protocolVersion: 5 } });
    await keep(phone, {});
    const [first, second] = harness.workers;
    await answeredWhile(phone, () => void first?.process.kill('SIGTERM'));
    await eventually('it is gone', () => first?.process.pid === undefined);
    await harness.startWorker({ MQTT_CLIENT_ID: 'old-again' }, old.program);
    await answeredWhile(phone, () => void second?.process.kill('SIGKILL'));
  });
}

/** How many requests of a kind a worker has answered. */
async function answeredBy(worker: WorkerUnderTest, kind: string): Promise<number> {
  const { body } = await worker.page('/metrics');
  const lines = body.split('\n').filter((line) => line.startsWith('profile_requests_total{'));
  return lines
    .filter((line) => line.includes(`kind="${kind}"`))
    .reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
}

async function haveBothAnswered({ workers }: Harness): Promise<boolean> {
  const counts = await Promise.all(
    workers.flatMap((worker) => sentKinds.map((kind) => answeredBy(worker, kind))),
  );
  return counts.every((count) => count > 0);
}

/** Sends requests, runs an action in the middle of them, and waits for each answer. */
async function answeredWhile(phone: Phone, happening: () => void): Promise<void> {
  const count = 200;
  phone.answers.length = 0;
  for (let sent = 0; sent < count; sent++) {
    if (sent === count / 2) happening();
    const properties = { correlationData: Buffer.from(String(sent)) };
    await phone.send(profile({ phone: phone.number, status: sent % 2 ? 'get' : 'set' }), {
      qos: 1,
      properties,
    });
  }
  const answered = () => new Set(phone.answers.map(({ properties }) => String(properties?.correlationData)));
  await eventually(`${count} requests are answered`, () => answered().size === count);
}
