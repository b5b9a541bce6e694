const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/**
 * How long to wait before the next try, in milliseconds: doubling from a quarter of a second to ten seconds, of
 * which up to half is taken off at random, so that many workers don't come back to a restarted broker at once.
 * @param failures - tries in a row that failed; 0 for the first wait.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.ceil(longest * (1 - random() / 2));
}
