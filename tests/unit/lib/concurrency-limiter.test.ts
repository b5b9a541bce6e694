import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConcurrencyLimiter } from '../../../src/lib/concurrency-limiter.ts';

function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('work beyond the concurrency waits its turn, and work beyond the queue is refused as queue full', async () => {
  const limiter = new ConcurrencyLimiter({ name: 'mail', concurrency: 2, maxQueued: 1 });
  const { opened, open } = gate();
  const started: number[] = [];
  const runs = [0, 1, 2].map((n) =>
    limiter.run(async () => {
      started.push(n);
      await opened;
      return n;
    }),
  );
  assert.deepEqual([started, limiter.running, limiter.waiting], [[0, 1], 2, 1]);
  assert.equal(
    limiter.run(() => assert.fail('ran with a full queue')),
    'queue_full',
  );
  open();
  assert.deepEqual(await Promise.all(runs), [0, 1, 2]);
  assert.deepEqual([limiter.running, limiter.waiting, started], [0, 0, [0, 1, 2]]);
});

test('of one key there is one task, running or waiting, and the next when that has ended', async () => {
  const limiter = new ConcurrencyLimiter({ name: 'mail', concurrency: 1, maxQueued: 8 });
  const { opened, open } = gate();
  const fail = () => assert.fail('ran beside another of its key');
  const running = limiter.run(() => opened, 'one');
  const waiting = limiter.run(async () => 'other', 'other');
  for (const key of ['one', 'other']) assert.equal(limiter.run(fail, key), 'queue_full');
  assert.deepEqual([limiter.running, limiter.waiting], [1, 1]);
  open();
  await running;
  assert.equal(await waiting, 'other');
  await assert.rejects(async () => limiter.run(() => Promise.reject(new Error('refused')), 'one'), /refused/);
  assert.equal(await limiter.run(async () => 'again', 'one'), 'again');
});

test('work that throws frees its slot for the next', async () => {
  const limiter = new ConcurrencyLimiter({ name: 'sts', concurrency: 1, maxQueued: 1 });
  const failing = limiter.run(() => Promise.reject(new Error('refused')));
  const next = limiter.run(async () => 'done');
  await assert.rejects(async () => failing, /refused/);
  assert.equal(await next, 'done');
  assert.equal(limiter.running, 0);
});

test('in every case work starts in its order of arrival and never above the concurrency', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.nat({ max: 6 }),
    fc.array(fc.nat({ max: 5 }), { maxLength: 30 }),
    async (concurrency, queue, turns) => {
      const limiter = new ConcurrencyLimiter({ name: 'mail', concurrency, maxQueued: queue });
      const started: number[] = [];
      const accepted: number[] = [];
      let atOnce = 0;
      const runs = turns.map(async (ticks, n) => {
        const result = limiter.run(async () => {
          started.push(n);
          assert.ok(++atOnce <= concurrency);
          for (let tick = 0; tick < ticks; tick++) await null;
          atOnce--;
        });
        if (result !== 'queue_full') accepted.push(n);
        assert.ok(limiter.waiting <= queue);
        await result;
      });
      await Promise.all(runs);
      assert.deepEqual(started, accepted);
      assert.equal(accepted.length, Math.min(turns.length, concurrency + queue));
      assert.deepEqual([limiter.running, limiter.waiting], [0, 0]);
    },
  );
  await fc.assert(property);
});
