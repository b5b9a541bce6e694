import { setTimeout as delay } from 'node:timers/promises';
import type { Attacked, AttackOrder } from './attackers.ts';
import { Child } from './child.ts';
import { cpuSeconds, type EachPart, growth, type Memory, MemoryPeaks } from './memory.ts';
import type { Measured, NeighbourOrder } from './neighbours.ts';
import { control, type Row } from './rows.ts';
import { type FloodSystem, startFloodSystem } from './system.ts';

export interface RunOptions {
  /** How long the time without load and the attack are measured. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly progress: (text: string) => void;
}

export interface RowResult {
  readonly name: string;
  readonly does: string;
  readonly calm: Measured;
  readonly attacked: Measured;
  /** p99 under the attack, of that without load. */
  readonly ratio: number;
  /** Megabytes above those without load, the most while it ran and just after. */
  readonly growth: Memory;
  readonly attack: Attacked;
  /** Seconds of processor time that the attack took of each part, beyond the time without load. */
  readonly cpu: EachPart;
  /** Ended early, because something grew without end. */
  readonly cutShort: boolean;
  readonly missed: readonly Goal[];
}

export type Goal = 'latency' | 'unanswered' | 'memory';

export const goals = { ratio: 1.5, megabytes: 64 } as const;

const neighbourCount = 20;
const perSecond = 200;

/** Faster, so that code is warm before anything is measured; 75 a second of each neighbour for some seconds is within its burst. */
const warmUpPerSecond = 1_500;

/** The attack stops when something has grown so much: what fills the machine shows nothing more. */
const maxGrowth = 1_024;

/** Memory is watched so long after the attack. */
const afterMs = 1_000;

/** Runs one row on a system of its own. */
export async function runRow(row: Row, options: RunOptions): Promise<RowResult> {
  options.progress(`${row.name}: starting`);
  const system = await startFloodSystem(row.identity ?? 'broker');
  const neighbours = new Child<NeighbourOrder, Measured>('neighbours.ts');
  const attackers = new Child<AttackOrder, Attacked>('attackers.ts');
  try {
    return await measureRow(row, { system, neighbours, attackers }, options);
  } finally {
    await Promise.all([neighbours.stop(), attackers.stop()]);
    await system.stop();
  }
}

interface Parts {
  readonly system: FloodSystem;
  readonly neighbours: Child<NeighbourOrder, Measured>;
  readonly attackers: Child<AttackOrder, Attacked>;
}

async function measureRow(
  row: Row,
  { system, neighbours, attackers }: Parts,
  options: RunOptions,
): Promise<RowResult> {
  const { seconds, warmUpSeconds, progress } = options;
  const { address, processes, services } = system;
  const victims = await system.signIn('neighbour', neighbourCount);
  const sessions = await system.signIn('attacker', row.clients ?? 1);
  await neighbours.order({ connect: { address, sessions: victims } });
  await attackers.order({ prepare: { row: row.name, address, sessions, victims } });
  progress(`${row.name}: calm`);
  await neighbours.order({ measure: { seconds: warmUpSeconds, perSecond: warmUpPerSecond } });
  const cpu = [cpuSeconds(processes)];
  const calmPeaks = new MemoryPeaks(processes);
  const calm = await neighbours.order({ measure: { seconds, perSecond } });
  const before = calmPeaks.stop();
  cpu.push(cpuSeconds(processes));

  progress(`${row.name}: attack`);
  row.services?.(services);
  let attack: Promise<Attacked> | undefined;
  const stop = (): Promise<Attacked> => {
    attack ??= attackers.order({ act: 'stop' });
    return attack;
  };
  let cutShort = false;
  const peaks = new MemoryPeaks(processes, ({ broker, redis, workers }) => {
    if (
      cutShort ||
      Math.max(broker - before.broker, redis - before.redis, workers - before.workers) < maxGrowth
    )
      return;
    cutShort = true;
    stop().catch(() => undefined); // awaited below
  });
  await attackers.order({ act: 'start' });
  const attacked = await neighbours.order({ measure: { seconds, perSecond } });
  const done = await stop();
  cpu.push(cpuSeconds(processes));
  await delay(afterMs);
  const more = growth(before, peaks.stop());
  const ratio = attacked.p99Ms / calm.p99Ms;
  const missed = row.name === control.name ? [] : missedGoals(ratio, attacked, more);
  return {
    name: row.name,
    does: row.does,
    calm,
    attacked,
    ratio,
    growth: more,
    attack: done,
    cpu: beyond(cpu),
    cutShort,
    missed,
  };
}

/** @param samples - at the start of the calm, between, and at the end of the attack. */
function beyond([start, between, end]: readonly EachPart[]): EachPart {
  const more = (part: keyof EachPart): number =>
    start && between && end ? end[part] - 2 * between[part] + start[part] : Number.NaN;
  return { broker: more('broker'), redis: more('redis'), workers: more('workers') };
}

function missedGoals(ratio: number, { unanswered }: Measured, { broker, redis, workers }: Memory): Goal[] {
  const missed: Goal[] = [];
  if (!(ratio <= goals.ratio)) missed.push('latency');
  if (unanswered > 0) missed.push('unanswered');
  if (!(Math.max(broker, redis, workers) <= goals.megabytes)) missed.push('memory');
  return missed;
}
