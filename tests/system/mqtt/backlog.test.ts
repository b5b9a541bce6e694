import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBroker, type Delivery } from '../../../src/mqtt/connection.ts';
import {
  names,
  options,
  plainBroker,
  publishAll,
  publisher,
  subscribed,
} from '../../harness/broker-connections.ts';
import { eventually } from '../../harness/eventually.ts';

const plain = await plainBroker();

test('a broker that sends its whole queue at once is served to the end, at most the receive maximum at a time', async (t) => {
  const { clientId, filter, topic } = names();
  let [inWork, max, handled] = [0, 0, 0];
  const answer = async (delivery: Delivery): Promise<void> => {
    max = Math.max(max, ++inWork);
    await delivery.broker.publish({ topic: `out/${clientId}`, payload: delivery.payload, qos: 1 });
    inWork--;
    handled++;
    delivery.acknowledge();
  };
  const connection = connectBroker(
    options(plain.url, { clientId, filter, receiveMaximum: 10 }),
    (d) => void answer(d),
  );
  await subscribed(t, connection);
  await publishAll(await publisher(t, plain.url), topic, 2000);
  await eventually('all handled', () => handled >= 2000);
  assert.deepEqual([handled, max], [2000, 10]);
});

test('messages beyond all bounds are requested again on a new connection, and handled once', async (t) => {
  const { clientId, filter, topic } = names();
  const [held, handled]: [Delivery[], string[]] = [[], []];
  let holding = true;
  const finish = (delivery: Delivery): void => {
    handled.push(delivery.topic);
    setTimeout(() => delivery.acknowledge(), 40);
  };
  const settings = options(plain.url, { clientId, filter, receiveMaximum: 4 });
  const connection = connectBroker(settings, (d) => (holding ? held.push(d) : finish(d)));
  await subscribed(t, connection);
  const client = await publisher(t, plain.url);
  const payload = Buffer.alloc(1024 * 1024);
  for (let n = 0; n < 48; n++) await client.publishAsync(`${topic}/${n}`, payload, { qos: 1 });
  holding = false;
  for (const delivery of held) finish(delivery);
  await eventually('all handled', () => handled.length >= 48);
  await connection.leave();
  assert.equal(new Set(handled).size, 48);
  assert.equal(handled.length, 48);
});
