/** Only connections that end each other are taken for those of one broker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchNames } from '../../../src/failover/one-broker-twice.ts';
import type { BrokerState } from '../../../src/mqtt/broker.ts';

class Broker {
  state: BrokerState = { connected: false, subscribed: false };
  readonly asides: string[] = [];
  readonly #listeners: ((state: BrokerState) => void)[] = [];

  onState(listener: (state: BrokerState) => void): void {
    this.#listeners.push(listener);
  }

  standAside(cause: string): void {
    this.asides.push(cause);
  }

  become(connected: boolean): void {
    this.state = { connected, subscribed: connected };
    for (const listener of this.#listeners) listener(this.state);
  }
}

function pair() {
  const [first, second] = [new Broker(), new Broker()];
  watchNames([first], second);
  first.become(true);
  return { first, second };
}

for (const order of ['before', 'after'] as const) {
  test(`three ends of the first connection in a row, just ${order} the second is accepted`, async () => {
    const { first, second } = pair();
    for (let count = 0; count < 3; count++) {
      assert.deepEqual(second.asides, []);
      first.become(true);
      if (count > 0) second.become(false);
      if (order === 'before') first.become(false);
      second.become(true);
      first.become(false);
      await sleep(60);
    }
    assert.deepEqual(second.asides, ['it is broker 1 under another name: name it once in MQTT_URL']);
  });
}

test('two brokers that are lost and come back together prove nothing', async () => {
  const { first, second } = pair();
  for (let count = 0; count < 20; count++) {
    second.become(true);
    first.become(true);
    first.become(false);
    second.become(false);
    await sleep(60);
  }
  assert.deepEqual(second.asides, []);
});

test('nor do three such losses that are an hour apart', async (t) => {
  const { first, second } = pair();
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  for (let count = 0; count < 5; count++) {
    now += 3_600_000;
    second.become(false);
    first.become(false);
    second.become(true);
    await sleep(60);
    first.become(true);
  }
  assert.deepEqual(second.asides, []);
});

test('nor does one that is lost now and then, the other being steady', async () => {
  const { first, second } = pair();
  second.become(true);
  await sleep(300);
  for (let count = 0; count < 20; count++) {
    first.become(false);
    first.become(true);
  }
  assert.deepEqual(second.asides, []);
});
