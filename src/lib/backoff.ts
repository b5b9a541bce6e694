const FIRST_MS = 250;
/** No longer, since a restarted broker drops what phones publish until a worker has subscribed again. */
const MAX_MS = 1_000;

/**
 * How long to wait before the next try, in milliseconds: doubling from a quarter of a second to a second, of
 * which up to half is taken off at random, so that many workers don't come back to a restarted broker at once.
 * @param failures - tries in a row that failed; 0 for the first wait.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.ceil(longest * (1 - random() / 2));
}
