/** How much work a call is, in units of a fixed piece of work that runs beside it in the same process. */

const TEXT = JSON.stringify(Array.from({ length: 4_000 }, (_, place) => [place + 0.5, `key ${place}`]));

/** The unit: some 10 ms of a server of 2024, in which memory is taken too. A slow or a busy machine takes longer for both. */
export function unit(): void {
  for (let pass = 0; pass < 10; pass++) JSON.parse(TEXT);
}

/**
 * Compare work with the unit: the least time of either over several rounds, by the clock or by what this process was
 * given of the processor.
 * @param enough - the rounds end when they have found no more units than this.
 * @param rounds - how many at most; V8 compiles what runs often.
 * @returns how many units the work is.
 */
export function unitsOf(work: () => unknown, enough: number, rounds = 50): number {
  let [least, leastUnit] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    least = Math.min(least, milliseconds(work));
    leastUnit = Math.min(leastUnit, milliseconds(unit));
    if (least <= enough * leastUnit) break;
  }
  return least / leastUnit;
}

function milliseconds(work: () => unknown): number {
  const start = performance.now();
  const usage = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(usage);
  return Math.min(performance.now() - start, (user + system) / 1_000);
}
