import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Wait until a condition holds. The time ends a wait for what never comes; how long it takes is not asserted.
 * @throws AssertionError that names the condition, when it does not hold in time.
 */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await condition()); await delay(5)) {
    if (Date.now() > end) assert.fail(`not within ${timeoutMs} ms: ${what}`);
  }
}
