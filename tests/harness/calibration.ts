/** How much work a call is, in units of a fixed piece of work that runs beside it in the same process. */
import { setImmediate as nextTurn } from 'node:timers/promises';

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

/**
 * How long an asynchronous call holds the event loop between two of its turns, in units: the least over several rounds.
 * @param prepare - makes the call of each round; its own work does not count.
 */
export async function longestTurnOf(
  prepare: () => Promise<() => Promise<unknown>>,
  enough: number,
  rounds = 30,
): Promise<number> {
  let [min, minUnit] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    const call = await prepare();
    minUnit = Math.min(minUnit, milliseconds(unit));
    min = Math.min(min, await longestTurn(call));
    if (min <= enough * minUnit) break;
  }
  return min / minUnit;
}

async function longestTurn(call: () => Promise<unknown>): Promise<number> {
  let [longest, isDone] = [0, false];
  let called: Promise<unknown> | undefined;
  const begin = () => {
    called = call().finally(() => {
      isDone = true;
    });
  };
  longest = milliseconds(begin);
  while (!isDone) {
    const start = performance.now();
    const usage = process.cpuUsage();
    await nextTurn();
    longest = Math.max(longest, since(start, usage));
  }
  await called;
  return longest;
}

function milliseconds(work: () => unknown): number {
  const start = performance.now();
  const usage = process.cpuUsage();
  work();
  return since(start, usage);
}

/** By the clock, or by the processor's time: what is less. */
function since(start: number, usage: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(usage);
  return Math.min(performance.now() - start, (user + system) / 1_000);
}
