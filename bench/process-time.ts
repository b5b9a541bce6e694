import { readdirSync, readFileSync } from 'node:fs';

/**
 * User and system time of a process since its start, all threads, in microseconds. The kernel counts it in nanoseconds there,
 * elsewhere in hundredths of a second.
 * @returns NaN where it cannot be read: Linux only.
 */
export function processMicros(pid: number | undefined): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanos = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]),
    );
    return nanos.reduce((sum, each) => sum + each, 0) / 1000;
  } catch {
    return Number.NaN;
  }
}
