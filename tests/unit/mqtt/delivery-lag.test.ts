/** For how long a message may have waited. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeliveryLag } from '../../../src/mqtt/delivery-lag.ts';

/** So much is never noticed. */
const unnoticed = 100;

function open() {
  let now = 1_000;
  const lag = new DeliveryLag(() => now);
  lag.connected(false);
  const waited = (): number => now - lag.earliest(now) - unnoticed;
  /** As the timer does. */
  const run = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 50) {
      now += 50;
      lag.earliest(now);
    }
  };
  const stop = (ms: number): void => {
    now += ms;
  };
  return { lag, waited, run, stop };
}

test('in a worker that runs nothing has waited', () => {
  const { waited, run } = open();
  run(5_000);
  assert.equal(waited(), 0);
});

test('after a stop a message may have waited as long as that, and less and less as the backlog is worked off', () => {
  const { waited, run, stop } = open();
  stop(5_000);
  assert.equal(waited(), 5_000);
  assert.equal(waited(), 5_000);
  run(4_000);
  assert.equal(waited(), 4_000);
  run(16_000);
  assert.equal(waited(), 0);
});

test('while the broker is away, and while the window is full, messages may wait', () => {
  const { lag, waited, run } = open();
  lag.disconnected();
  run(2_000);
  lag.connected(true);
  assert.equal(waited(), 2_000);
  lag.setFull(true);
  run(1_000);
  lag.setFull(false);
  assert.equal(waited(), 3_000);
});

test('of a new session nothing has waited; of one that is older than this worker, for as long as counts', () => {
  const { lag, waited, run } = open();
  lag.disconnected();
  run(2_000);
  lag.connected(false);
  assert.equal(waited(), 0);
  const adopted = new DeliveryLag(() => 0);
  adopted.connected(true);
  assert.equal(adopted.earliest(0), -30_000 - unnoticed);
});

test('more than 30 s never counts', () => {
  const { waited, stop } = open();
  stop(3_600_000);
  assert.equal(waited(), 30_000);
});
