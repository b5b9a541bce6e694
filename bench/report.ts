import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mosquitto, redisServer } from '../dev/servers/installed.ts';
import { chartOf } from './chart.ts';
import { isReached, type Section } from './table.ts';

export const RESULTS = fileURLToPath(new URL('results/', import.meta.url));

/** The origin of the figures, without which they mean little. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly system: string;
  readonly node: string;
  readonly mosquitto: string;
  readonly redis: string;
  /** Processes that wanted to run in the last minute; more than the benchmark's own four mean a noisy machine. */
  readonly load: number;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split('.', 2).join('.')}`,
    node: process.version,
    mosquitto: versionOf(mosquitto, '-h'),
    redis: versionOf(redisServer, '--version'),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

export function machineLine(machine: Machine): string {
  const { processor, cores, memoryGigabytes, system, node, mosquitto, redis, load } = machine;
  return (
    `${processor}, ${cores} cores, ${memoryGigabytes} GB; ${system}; ` +
    `Node ${node}, Mosquitto ${mosquitto}, Redis ${redis}; load ${load} at the start`
  );
}

/** Stores a run: all figures as JSON, the processor time as a chart. @returns the files' paths. */
export async function keepResults(
  sections: readonly Section[],
  run: { machine: Machine; quick: boolean; start: Date },
): Promise<string[]> {
  const { machine, quick, start } = run;
  await mkdir(RESULTS, { recursive: true });
  const name = start.toISOString().slice(0, 19).replaceAll(':', '-');
  const kept = sections.map((section) => ({
    ...section,
    goals: section.goals?.map((goal) => ({ ...goal, reached: isReached(goal) })),
  }));
  const json = JSON.stringify({ start, quick, machine, sections: kept }, undefined, 2);
  const files = [
    { path: join(RESULTS, `${name}.json`), text: `${json}\n` },
    { path: join(RESULTS, `${name}.svg`), text: chartOf(sections, machineLine(machine)) },
  ];
  for (const { path, text } of files) await writeFile(path, text);
  return files.map(({ path }) => path);
}

function versionOf(program: string, flag: string): string {
  try {
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin` };
    return /\d+\.\d+\.\d+/.exec(execFileSync(program, [flag], { encoding: 'utf8', env }))?.[0] ?? 'unknown';
  } catch (error) {
    // Mosquitto prints its help, and its version, with an exit code of failure.
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    return /\d+\.\d+\.\d+/.exec(output)?.[0] ?? 'unknown';
  }
}
