/** How much work a call is, in units of a fixed piece of work that runs beside it in the same process. */

const TEXT = JSON.stringify(Array.from({ length: 4_000 }, (_, index) => [index + 0.5, `key ${index}`]));

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
  let [min, minUnit] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    min = Math.min(min, milliseconds(work));
    minUnit = Math.min(minUnit, milliseconds(unit));
    if (min <= enough * minUnit) break;
  }
  return min / minUnit;
}

function milliseconds(work: () => unknown): number {
  const start = performance.now();
  const usage = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(usage);
  return Math.min(performance.now() - start, (user + system) / 1_000);
}
