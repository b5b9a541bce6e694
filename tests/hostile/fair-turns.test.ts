/** What one client sends at once waits for itself: others are answered before most of it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode } from '../../src/etf/index.ts';
import { mqttType } from '../harness/framing.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';

const burst = 200;
const publish = 3;

const harness = await startHarness({ workers: 0 });
after(() => harness.stop());

test(`a request behind ${burst} of another client is answered before most of them, and those in their order`, async () => {
  let sent = 0;
  const answers: Buffer[] = [];
  const relay = await harness.relay({
    inspector: () => (packet, direction) => {
      if (mqttType(packet) !== publish) return true;
      if (direction === 'down') sent++;
      else answers.push(Buffer.from(packet));
      return true;
    },
  });
  await harness.startWorker({ MQTT_URL: relay.url });
  const [greedy, other] = [await harness.phone(), await harness.phone()];
  // However fast the broker is, the worker receives all of them at once.
  relay.hold('down');
  const before = sent;
  const requests = Array.from({ length: burst }, (_, count) =>
    greedy.send(profile({ phone: greedy.number, status: 'get' }), {
      qos: 1,
      properties: { correlationData: Buffer.from(`${count}`) },
    }),
  );
  await Promise.all(requests);
  await other.send(profile({ phone: other.number, status: 'get' }), { qos: 1 });
  await eventually('the broker has sent them', () => sent > before + burst);
  relay.release();
  assert.deepEqual(decode((await other.take()).payload), refusal('not_found'));
  // As the worker has sent them: the two clients may read theirs in any order.
  const answered = answers.findIndex((packet) => packet.includes(`/${other.client}`));
  assert.ok(answered >= 0 && answered < burst / 2, `${answered} of ${burst} were answered before`);
  await eventually('all are answered', () => greedy.answers.length === burst);
  const order = greedy.answers.map(({ properties }) => Number(`${properties?.correlationData}`));
  assert.deepEqual(
    order,
    Array.from({ length: burst }, (_, index) => index),
  );
});
