/**
 * Kills a worker, or cuts its connection, after each step of a request. The worker with its client id gets the
 * request again. In the end Redis, the answers and the notices are as if nothing had happened.
 *
 * The program has no failpoints: relays before Redis and the broker count the worker's commands and packets. They
 * strike before the server gets the k-th one, or after the server has executed it and before the worker gets the
 * reply. `CRASH_POINTS=all` strikes at each; otherwise at a part of them.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { acknowledgement, type Position } from './crash-points/faults.ts';
import { CrashHarness, type Run } from './crash-points/harness.ts';
import { type Scene, scenes } from './crash-points/scenes.ts';

const everyPoint = process.env.CRASH_POINTS === 'all';

const unharmed = new Map<Scene, Run>();

const harness = await CrashHarness.start();
for (const scene of scenes) {
  await harness.run(scene, undefined, 'none'); // Loads the worker's code once.
  unharmed.set(scene, await harness.run(scene, undefined, 'none'));
}
after(() => harness.stop());

test('without a crash each request is answered, and those with notices send them', () => {
  for (const [{ name }, { answers, notices, events }] of unharmed) {
    assert.equal(answers.length, { remove: 2, phone: 3 }[name] ?? 1, name);
    assert.equal(notices.length, { remove: 5, phone: 14, update: 5 }[name] ?? 0, name);
    assert.ok(events.includes(acknowledgement), name);
  }
});

for (const harm of ['cut', 'killed'] as const) {
  for (const scene of scenes) {
    for (const position of ['before', 'after'] as const) {
      const when = position === 'before' ? 'before it is received' : 'after it is received, before the reply';
      test(`${scene.name}: a worker ${harm} at each step, ${when}, changes no result`, async (t) => {
        const expected = unharmed.get(scene);
        assert.ok(expected);
        let struck = 0;
        for (const at of points(position, harm)) {
          const run = await harness.run(
            scene,
            { at, position, side: harm === 'cut' ? 'redis' : 'both' },
            harm,
          );
          if (!run.isStruck) break;
          struck++;
          const where = `${harm} ${position} ${at}: ${run.events[at - 1]}`;
          assert.deepEqual(run.state, expected.state, where);
          assert.deepEqual([...new Set(run.answers)], [...new Set(expected.answers)], where);
          assert.deepEqual([...new Set(run.notices)], [...new Set(expected.notices)], where);
        }
        assert.ok(struck > 0);
        t.diagnostic(`${struck} points of ${expected.events.length}`);
      });
    }
  }
}

/** 1, 2, 3 …, or every few of them; the offset differs for the other position. */
function* points(position: Position, harm: 'cut' | 'killed'): Generator<number> {
  const step = everyPoint ? 1 : { cut: 2, killed: 5 }[harm];
  for (let at = position === 'before' ? 1 : Math.ceil((step + 1) / 2); ; at += step) yield at;
}
