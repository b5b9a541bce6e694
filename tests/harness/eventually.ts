import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const shortestPauseMs = 5;

const longestPauseMs = 100;

/**
 * Wait until a condition holds. The time ends a wait for what never comes; how long it takes is not asserted.
 * @throws AssertionError that names the condition, when it does not hold in time.
 */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const began = performance.now();
  while (!(await condition())) {
    const passed = performance.now() - began;
    if (passed > timeoutMs) assert.fail(`not within ${timeoutMs} ms: ${what}`);
    // A long wait looks less often: what it looks at takes time from what it waits for.
    await delay(Math.min(Math.max(shortestPauseMs, passed / 10), longestPauseMs));
  }
}
