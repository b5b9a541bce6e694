/** A broker that has gone without a word: the connection is given up after one unanswered ping, and others take over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mqttType } from '../harness/framing.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';

const CONNECT = 1;
const PINGREQ = 12;

test('a wire that carries nothing any more costs one ping; a request that waited on it is answered by another worker', async (t) => {
  const harness = await startHarness({ workers: 0, settings: { HEIR_AFTER_MS: '600000' } });
  t.after(() => harness.stop());
  let isSilent = false;
  /** The types of what the worker has sent into the void. */
  const unheard: number[] = [];
  const relay = await harness.relay({
    inspector: () => {
      // Only the worker's own connection has its will; its successor's has none.
      let isOwn = false;
      return (packet, direction) => {
        isOwn ||= packet.includes('workers/profile/profile-2') && mqttType(packet) === CONNECT;
        if (!isSilent || !isOwn) return true;
        if (direction === 'up') unheard.push(mqttType(packet));
        return false; // from here on nothing passes, and the connection stays open
      };
    },
  });
  // One address for both, as workers of one system have.
  await harness.startWorker({ MQTT_URL: relay.url });
  const cutOff = await harness.startWorker({ MQTT_URL: relay.url });
  const phone = await harness.phone({ mqtt: { protocolVersion: 5 } });
  const count = 40;
  for (let sent = 0; sent < count; sent++) {
    if (sent === count / 2) isSilent = true;
    const properties = { correlationData: Buffer.from(`${sent}`) };
    await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1, properties });
  }
  await eventually('it is not ready', async () => {
    const { status, body } = await cutOff.page('/readyz');
    return status === 503 && /silent for longer than the keep-alive time/.test(body);
  });
  const first = unheard.slice(0, unheard.indexOf(CONNECT) < 0 ? undefined : unheard.indexOf(CONNECT));
  assert.ok(first.filter((type) => type === PINGREQ).length <= 1, `${first}`);
  const answered = () => new Set(phone.answers.map(({ properties }) => `${properties?.correlationData}`));
  await eventually('all are answered', () => answered().size === count);
  isSilent = false;
  await eventually('it is ready again', async () => (await cutOff.page('/readyz')).status === 200);
});
