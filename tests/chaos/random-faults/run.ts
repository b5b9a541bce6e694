import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Rng } from '../../harness/rng.ts';
import { inspect, inspectMails, latencies, waitsAfterKills } from './check.ts';
import { EventLog, violationKinds } from './event-log.ts';
import { type Course, Faults } from './faults.ts';
import { Load } from './load.ts';
import { Mailbox } from './mailbox.ts';
import { Readers } from './readers.ts';
import type { RedisKind } from './redis-kinds.ts';
import { type System, startSystem } from './system.ts';
import { faultKinds } from './timeline.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly course: Course;
  /** Requests a second, while the machine keeps up and nobody waits. */
  readonly rate: number;
  readonly redis: RedisKind;
  readonly phones: number;
  readonly print: (line: string) => void;
}

export interface ChaosResult {
  readonly isGood: boolean;
  readonly requests: number;
  readonly kills: number;
  readonly report: readonly string[];
  /** The folder of the workers' logs. */
  readonly folder: string;
}

const workers = 3;
const readers = 16;

/** The readers' part of the requests. */
const shareOfReaders = 0.8;

/** The longest wait after a worker is killed; only kills without another fault are checked. */
const maxWaitMs = 15_000;

/** Lets phones send requests during faults, and then checks every promise. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, rate } = options;
  const system = await startSystem(options.redis, workers, seed);
  const eventLog = new EventLog(options.print);
  system.fleet.failed = ({ name }, how) => eventLog.violation('worker', `${name}: ${how}`);
  const mailbox = new Mailbox(system.mail);
  const load = new Load(eventLog);
  const lag = monitorEventLoopDelay({ resolution: 10 });
  let reading: Readers | undefined;
  try {
    reading = await Readers.connect(system, eventLog, new Rng(seed, 'readers'), readers);
    await load.connect(system, mailbox, options.phones, seed);
    lag.enable();
    const begun = performance.now();
    reading.start(rate * shareOfReaders);
    load.start(rate * (1 - shareOfReaders));
    await sleep(3_000);
    await new Faults(system, eventLog, new Rng(seed, 'faults'), options.course).run();
    await sleep(2_000);
    reading.pause();
    await load.stop();
    for (const end = performance.now() + 90_000; reading.inFlight > 0 && performance.now() < end; )
      await sleep(50);
    lag.disable();
    const tookMs = performance.now() - begun;
    await inspect(system, load, eventLog);
    await sleep(300);
    inspectMails(load, mailbox, eventLog);
    await leaveAll(system, eventLog);
    const { longest, undisturbed, kills } = waitsAfterKills(eventLog);
    if (undisturbed > maxWaitMs)
      eventLog.violation('late', `a request waited for ${Math.round(undisturbed)} ms`);
    const count = (name: string, value: unknown): string => `${name.padEnd(58)} ${value}`;
    const answered = eventLog.samples.filter(({ answeredAt }) => Number.isFinite(answeredAt));
    const { redeliveries, adoptions } = system.fleet.counts;
    const report = [
      count('seed', seed),
      count('Redis', options.redis),
      count('seconds', Math.round(tookMs / 1000)),
      count('requests sent', eventLog.samples.length),
      count('requests answered', answered.length),
      count('requests a second', Math.round((eventLog.samples.length / tookMs) * 1000)),
      count('requests held back, as too many were in flight', reading.heldBack),
      ...kindsOf(eventLog).map(([kind, number]) => count(`  ${kind}`, number)),
      ...faultKinds
        .map((kind) => [kind, eventLog.timeline.count(kind)] as const)
        .filter(([, n]) => n > 0)
        .map(([kind, n]) => count(`fault ${kind}`, n)),
      count('redeliveries seen', redeliveries),
      count('sessions adopted', adoptions),
      count('answers that came again', reading.repeats + load.repeats),
      count('mails', mailbox.count),
      count(
        'notices',
        load.contacts.reduce((sum, { notices }) => sum + notices, 0),
      ),
      count(
        'longest from a request to its notice, ms',
        Math.round(Math.max(...load.contacts.map((contact) => contact.maxNoticeMs))),
      ),
      count(`longest wait after a kill alone (${kills} kills), ms`, Math.round(undisturbed)),
      count('longest wait after a kill among other faults, ms', Math.round(longest)),
      count('get outside faults', latencies(eventLog, false)),
      count('get during faults', latencies(eventLog, true)),
      count(
        'event loop of the phones late by, ms: p99, most',
        `${Math.round(lag.percentile(99) / 1e6)}, ${Math.round(lag.max / 1e6)}`,
      ),
      ...[...(await system.fleet.errors())].map(([message, n]) => count(`error logged: ${message}`, n)),
      ...[...eventLog.apart].map(([what, n]) => count(`apart: ${what}`, n)),
      ...Object.entries(violationKinds).map(([kind, what]) =>
        count(what, eventLog.violations.filter((violation) => violation.kind === kind).length),
      ),
      ...eventLog.violations.map(({ what }) => what),
    ];
    return {
      isGood: eventLog.violations.length === 0,
      requests: eventLog.samples.length,
      kills: eventLog.timeline.count('kill'),
      report,
      folder: system.folder,
    };
  } finally {
    mailbox.close();
    reading?.pause();
    await reading?.close();
    await load.close();
    await system.stop();
  }
}

/** All workers stop at the end, and leave nothing behind. */
async function leaveAll({ fleet }: System, eventLog: EventLog): Promise<void> {
  const codes = await Promise.all(fleet.living.map((worker) => fleet.terminate(worker, 30_000)));
  for (const code of codes)
    if (code !== 0) eventLog.violation('worker', `a worker ended with ${code} after SIGTERM`);
}

function kindsOf({ samples }: EventLog): [string, number][] {
  const counts = new Map<string, number>();
  for (const { kind } of samples) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort();
}
