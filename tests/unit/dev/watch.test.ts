import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { watchFiles } from '../../../dev/watch.ts';

/** A watched folder, and the number of reported changes. */
async function watched(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'profile-watch-'));
  await mkdir(join(folder, 'store'));
  await writeFile(join(folder, 'store', 'keys.ts'), 'first');
  const seen = { changes: 0 };
  const looks = { count: 0 };
  const unwatch = watchFiles(
    folder,
    (path) => {
      if (path === 'store') looks.count++;
      return path.endsWith('.ts');
    },
    () => seen.changes++,
  );
  t.after(async () => {
    unwatch();
    await rm(folder, { recursive: true });
  });
  /** Resolves after this many more polls of the folder. */
  const looked = async (times: number): Promise<void> => {
    for (const until = looks.count + times; looks.count < until; ) await delay(5);
  };
  await looked(1);
  return { folder, seen, looked };
}

test('a file that was written, replaced, made or removed is a change', async (t) => {
  const { folder, seen, looked } = await watched(t);
  const file = join(folder, 'store', 'keys.ts');
  for (const [count, change] of [
    () => writeFile(file, 'second'),
    () => writeFile(`${file}.new`, 'third').then(() => rename(`${file}.new`, file)),
    () => appendFile(file, 'fourth'),
    () => writeFile(join(folder, 'worker.ts'), 'new'),
    () => rm(join(folder, 'worker.ts')),
  ].entries()) {
    await change();
    await looked(4);
    assert.equal(seen.changes, count + 1);
  }
});

test('files that are written one after the other are one change', async (t) => {
  const { folder, seen, looked } = await watched(t);
  for (const name of ['a.ts', 'b.ts', 'c.ts']) {
    await writeFile(join(folder, name), 'new');
    await looked(1);
  }
  await looked(3);
  assert.equal(seen.changes, 1);
});

test('an ignored file is no change', async (t) => {
  const { folder, seen, looked } = await watched(t);
  await writeFile(join(folder, 'store', '.keys.ts.swp'), 'new');
  await looked(4);
  assert.equal(seen.changes, 0);
});
