import { control } from './rows.ts';
import type { RowResult } from './run.ts';

const columns = [
  ...['row', 'calm p99', 'p99', 'ratio', '1st second', 'unanswered'],
  ...['broker MB', 'Redis MB', 'worker MB', 'attacker CPU', 'goals', 'what is done'],
] as const;

const texts = [columns.indexOf('row'), columns.indexOf('goals'), columns.indexOf('what is done')];

/** The widths are those of the longest cells that can come, so that each row can be printed when it is done. */
const widths = [12, 10, 10, 8, 10, 10, 9, 8, 9, 12, 35, 0];

export const headLine = (): string => lineOf([...columns]);

/** One row: times in milliseconds, memory as growth above that without load. */
export function rowLine(result: RowResult): string {
  const { name, calm, attacked, ratio, growth, attack, does, cutShort } = result;
  return lineOf([
    name,
    `${calm.p99Ms.toFixed(1)} ms`,
    `${attacked.p99Ms.toFixed(1)} ms`,
    `${ratio.toFixed(2)}×`,
    `${attacked.firstSecondP99Ms.toFixed(1)} ms`,
    `${attacked.unanswered}`,
    ...[growth.broker, growth.redis, growth.workers].map((megabytes) => megabytes.toFixed(0)),
    `${attack.cpuSeconds.toFixed(1)} s`,
    goalsText(result),
    cutShort ? `${does} (cut short)` : does,
  ]);
}

function goalsText({ name, missed }: RowResult): string {
  if (name === control.name) return 'none';
  return missed.length === 0 ? 'reached' : `MISSED: ${missed.join(', ')}`;
}

function lineOf(cells: readonly string[]): string {
  const padded = cells.map((cell, index) => {
    const width = widths[index] ?? 0;
    return texts.includes(index) ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join('  ').trimEnd();
}
