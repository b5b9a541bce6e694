import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { System } from './system.ts';

/** Processor time used since each part was started, in seconds; NaN where it cannot be read. */
export interface CpuSeconds {
  /** All of them together. */
  readonly workers: number;
  readonly broker: number;
  readonly redis: number;
  /** This process: phones, mail server and STS. */
  readonly load: number;
}

/** What is measured of a system. */
type Measured = Pick<System, 'httpPorts' | 'pids' | 'redis'>;

async function readCpu({ httpPorts, pids, redis }: Measured): Promise<CpuSeconds> {
  const workers = await Promise.all(
    httpPorts.map(async (port) => metric(await scrape(port), 'process_cpu_seconds_total')),
  );
  const info = await redis.info('cpu');
  const { user, system } = process.cpuUsage();
  return {
    workers: workers.length === 0 ? Number.NaN : workers.reduce((sum, seconds) => sum + seconds, 0),
    broker: pids.broker === undefined ? Number.NaN : processSeconds(pids.broker),
    redis: infoNumber(info, 'used_cpu_user') + infoNumber(info, 'used_cpu_sys'),
    load: (user + system) / 1e6,
  };
}

/** @returns a function for each part's use since now, divided by a number of things or seconds. */
export async function startMeter(system: Measured): Promise<(count: number) => Promise<CpuSeconds>> {
  const before = await readCpu(system);
  return async (count) => {
    const after = await readCpu(system);
    const each = (part: keyof CpuSeconds): number => (after[part] - before[part]) / count;
    return { workers: each('workers'), broker: each('broker'), redis: each('redis'), load: each('load') };
  };
}

/** The `/metrics` of a worker. */
export async function scrape(httpPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
}

/** The sum of all series of a name; NaN if there is none, which must not count as zero. */
export function metric(text: string, name: string): number {
  const lines = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
  if (lines.length === 0) return Number.NaN;
  return lines.reduce((sum, [, value]) => sum + Number(value), 0);
}

/** A number of Redis's INFO. */
export function infoNumber(info: string, name: string): number {
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN);
}

/** The resident memory of a process in bytes; Linux only. */
export function residentBytes(pid: number): number {
  return readProc(pid, 'status', (text) => Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) * 1024);
}

let ticks: number | undefined;

/** User and system time of a process; Linux only. */
export function processSeconds(pid: number): number {
  return readProc(pid, 'stat', (text) => {
    ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
    // The name, in brackets, may contain spaces.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticks;
  });
}

function readProc(pid: number, file: string, read: (text: string) => number): number {
  try {
    return read(readFileSync(`/proc/${pid}/${file}`, 'utf8'));
  } catch {
    return Number.NaN;
  }
}
