const FIRST_MS = 250;
/** A restarted broker drops what phones publish until a worker has subscribed again, so waits stay short. */
const MAX_MS = 1_000;

/**
 * The wait before the next try, in milliseconds. It doubles from a quarter of a second to a second. Up to half is taken off
 * at random, so that many workers do not return to a restarted broker at once.
 * @param failures - number of tries that failed in a row; 0 for the first wait.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.ceil(longest * (1 - random() / 2));
}
