/** Mosquitto 2.1 with persist-sqlite forgets DUP when it is restarted: what it delivers again is known all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMosquitto, withoutSqlite } from '../../dev/servers/mosquitto.ts';
import { connectBroker, type Delivery } from '../../src/mqtt/connection.ts';
import { options, publishAll, publisher, subscribed, topicsOf } from '../harness/broker-connections.ts';
import { eventually } from '../harness/eventually.ts';

test('a worker that died before the broker was restarted has its requests marked for the next', {
  skip: withoutSqlite,
}, async (t) => {
  const broker = await startMosquitto({ persistence: 'sqlite', plugin: false });
  t.after(() => broker.stop());
  const received: Delivery[] = [];
  const settings = options(broker.url);
  const dead = await subscribed(
    t,
    connectBroker(settings, (delivery) => received.push(delivery)),
  );
  await publishAll(await publisher(t, broker.url), 'in', 3);
  await eventually('they are in work', () => received.length === 3);
  await dead.close();
  await broker.restart();

  const again: Delivery[] = [];
  const next = connectBroker(settings, (delivery) => again.push(delivery));
  await subscribed(t, next);
  await publishAll(await publisher(t, broker.url), 'in/new', 2);
  await eventually('all are there', () => again.length === 5);
  assert.deepEqual(topicsOf(again.slice(0, 3)), topicsOf(received));
  assert.deepEqual(
    again.map(({ redelivered }) => redelivered),
    [true, true, true, false, false],
  );
});
