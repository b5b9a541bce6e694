/** Looks for what the table says of a fault. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../../dev/servers/process.ts';
import { examine } from '../../src/cli/doctor.ts';
import { readSettings } from '../../src/config/settings.ts';
import type { LogLine, WorkerSettings, WorkerUnderTest } from '../harness/worker.ts';
import type { Fault } from './fault.ts';
import { firing } from './hurried-prometheus.ts';

/** Where to look. */
export interface Scene {
  readonly worker: WorkerUnderTest;
  /** The worker's settings, for the doctor. */
  readonly settings: WorkerSettings;
  readonly prometheus: Server;
}

/** What was seen in the end, in the order of the columns. */
export interface Seen {
  log: string;
  readyz: string;
  doctor: string;
  alerts: string;
}

export const columns = ['log', 'readyz', 'doctor', 'alerts'] as const satisfies readonly (keyof Seen)[];

/** Nothing is shown as a dash. */
export const show = (text: string): string => (text === '' ? '–' : text);

/** Raised where a worker or Prometheus itself is slow, which says nothing about the fault. */
const ofMachine: ReadonlySet<string> = new Set([
  'ProfileWorkerGone',
  'ProfileEventLoopBlocked',
  'ProfileGetSlow',
  'ProfileRedisSlow',
  'ProfileConnectionsBreak',
]);

/** Whether a text is as the table says; `…` stands for anything. */
export function fits(text: string, pattern: string): boolean {
  const parts = pattern.split(/\s*…\s*/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}`).test(text);
}

/** A line of the log as the table has it: the message, and what the other fields say. */
export function lineText({ time: _, level: __, msg, ...fields }: LogLine): string {
  const words = (value: unknown): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([name, part]) => (name === 'stack' ? [] : words(part)))
      : [String(value)];
  return [String(msg), ...words(fields)].join(' ');
}

/**
 * Wait until all four are as the table says.
 * @param before - how many lines the log had before.
 * @throws Unseen with what was seen instead.
 */
export async function observe(fault: Fault, scene: Scene, before: number): Promise<Seen> {
  const seen: Seen = { log: '', readyz: '', doctor: '', alerts: '' };
  const looks: Record<keyof Seen, () => Promise<boolean>> = {
    log: async () => log(fault, scene.worker.log().slice(before), seen),
    readyz: () => readyz(fault, scene, seen),
    doctor: () => doctor(fault, scene, seen),
    alerts: () => alerts(fault, scene, seen),
  };
  const end = Date.now() + patienceMs;
  const missing: string[] = [];
  await Promise.all(
    columns.map(async (column) => {
      while (!(await looks[column]())) {
        if (Date.now() > end) return void missing.push(column);
        await sleep(100);
      }
    }),
  );
  if (missing.length > 0) throw new Unseen(missing, seen);
  return seen;
}

/** Longer than it takes to give up a connection that is silent, on a busy machine. */
const patienceMs = Number(process.env.FAULT_PATIENCE_MS ?? 30_000);

/** Something is not as the table says. */
export class Unseen extends Error {
  override readonly name = 'Unseen';
  readonly seen: Seen;

  constructor(missing: readonly string[], seen: Seen) {
    super(`not as the table says: ${missing.join(', ')}; seen: ${JSON.stringify(seen)}`);
    this.seen = seen;
  }
}

async function readyz({ readyz: wanted }: Fault, { worker }: Scene, seen: Seen): Promise<boolean> {
  const page = await worker.page('/readyz').catch(() => undefined);
  if (page === undefined) return false; // it is frozen
  const { status, body } = page;
  const lines = body.trim().split('\n');
  seen.readyz = lines.find((line) => wanted !== '' && fits(line, wanted)) ?? lines.join('; ');
  if (wanted === '') return status === 200 && lines.length === 1;
  return lines.some((line) => fits(line, wanted));
}

/** Without a wanted line none of a warning or an error may be there. */
function log({ log: wanted }: Fault, lines: readonly LogLine[], seen: Seen): boolean {
  const loud = lines.filter(({ level }) => level === 'warn' || level === 'error').map(lineText);
  const found = loud.find((line) => wanted !== '' && fits(line, wanted));
  seen.log = found ?? loud.join('; ');
  return wanted === '' ? loud.length === 0 : found !== undefined;
}

async function doctor({ doctor: wanted }: Fault, { settings }: Scene, seen: Seen): Promise<boolean> {
  // The SDK of AWS reads its own names from the environment.
  const ofSdk = Object.entries(settings).filter(([name]) => name.startsWith('AWS_'));
  Object.assign(process.env, Object.fromEntries(ofSdk));
  const findings = await examine(readSettings(settings));
  const failed = findings
    .filter(({ state }) => state === 'failed')
    .map(({ check, saw }) => `${check.replace(/ 127\S*$/, '')}: ${saw}`);
  seen.doctor = failed.find((line) => wanted !== '' && fits(line, wanted)) ?? failed.join('; ');
  return wanted === '' ? failed.length === 0 : failed.some((line) => fits(line, wanted));
}

async function alerts({ alerts: wanted }: Fault, { prometheus }: Scene, seen: Seen): Promise<boolean> {
  const now = await firing(prometheus);
  seen.alerts = now.join(', ');
  if (wanted.length === 0) return now.every((name) => ofMachine.has(name));
  return wanted.every((name) => now.includes(name));
}
