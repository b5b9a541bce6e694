import { setTimeout as sleep } from 'node:timers/promises';
import { fleetOf } from '../../../src/store/fleet.ts';
import { withRetry } from '../../../src/store/redis/retry.ts';
import type { Rng } from '../../harness/rng.ts';
import type { EventLog } from './event-log.ts';
import type { Worker } from './fleet.ts';
import type { System } from './system.ts';
import type { Fault, FaultKind } from './timeline.ts';

/** How faults follow each other. */
export interface Course {
  /** Shuffled each time that it is used up. */
  readonly deck: readonly FaultKind[];
  /** How long new ones begin; without it until the deck is used up once. */
  readonly seconds?: number;
  readonly pace: Pace;
}

/** Shortest and longest, in milliseconds. */
export interface Pace {
  readonly freezeMs: readonly [number, number];
  readonly hangMs: readonly [number, number];
  readonly pauseMs: readonly [number, number];
}

export const thoroughPace: Pace = {
  freezeMs: [5_000, 20_000],
  hangMs: [2_000, 10_000],
  pauseMs: [500, 3_500],
};

/** Long enough that other workers sometimes take over a frozen worker's session. */
export const quickPace: Pace = { freezeMs: [6_000, 9_000], hangMs: [2_000, 3_000], pauseMs: [200, 700] };

/** How many of each kind the deck of a thorough run has. */
const weights: Readonly<Record<FaultKind, number>> = {
  kill: 16,
  term: 3,
  freeze: 3,
  cutBroker: 3,
  cutRedis: 3,
  restartRedis: 2,
  failover: 2,
  hangMail: 2,
  hangSts: 2,
  restartBroker: 1,
  killBroker: 1,
};

/** As many of these kinds as a thorough run has. */
export function deckOf(kinds: readonly FaultKind[]): FaultKind[] {
  return kinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind));
}

/** Faults of one server. */
const once: ReadonlySet<FaultKind> = new Set([
  'restartRedis',
  'failover',
  'hangMail',
  'hangSts',
  'restartBroker',
  'killBroker',
]);

const hangs = (kind: FaultKind): boolean => kind === 'hangMail' || kind === 'hangSts';

const recoveryMs = 60_000;

/** How long a SIGTERM may take: `SHUTDOWN_TIMEOUT_MS`, and a little more. */
const shutdownMs = 30_000;

/** Causes faults at random times and in random order, and repairs them. */
export class Faults {
  readonly #system: System;
  readonly #eventLog: EventLog;
  readonly #rng: Rng;
  readonly #course: Course;
  readonly #deck: readonly FaultKind[];
  #cards: FaultKind[] = [];

  /** @param course - limited to what this kind of Redis supports. */
  constructor(system: System, eventLog: EventLog, rng: Rng, course: Course) {
    this.#system = system;
    this.#eventLog = eventLog;
    this.#rng = rng;
    this.#course = course;
    const other = system.redis.disturbance === 'failover' ? 'restartRedis' : 'failover';
    this.#deck = course.deck.filter((kind) => kind !== other);
    this.#shuffle();
  }

  /** Causes one fault after the other, sometimes two at a time, until the time is over and all are repaired. */
  async run(): Promise<void> {
    const { seconds, pace } = this.#course;
    const end = performance.now() + (seconds ?? 0) * 1000;
    const under = new Set<Promise<void>>();
    const isOver = () => (seconds === undefined ? this.#cards.length === 0 : performance.now() >= end);
    while (!isOver()) {
      const kind = this.#draw();
      // Two faults can't restart one server at a time, nor make it hang twice.
      if (once.has(kind) && this.#eventLog.timeline.isUnderWay(kind)) await Promise.all(under);
      const one = this.#one(kind).finally(() => under.delete(one));
      under.add(one);
      // A hang is long and harms only a few requests: others continue meanwhile.
      const isOverlapped = (hangs(kind) || this.#rng.is(0.25)) && under.size < 3;
      const pauseMs = this.#between(pace.pauseMs);
      if (!isOverlapped) await Promise.all(under);
      await sleep(pauseMs);
    }
    await Promise.all(under);
  }

  #draw(): FaultKind {
    if (this.#cards.length === 0) this.#shuffle();
    return this.#cards.pop() ?? 'kill';
  }

  #shuffle(): void {
    const rest = [...this.#deck];
    while (rest.length > 0) this.#cards.push(...rest.splice(this.#rng.below(rest.length), 1));
    // In a short run a hang comes first: the rest continues meanwhile.
    if (this.#course.seconds === undefined) this.#cards.sort((a, b) => Number(hangs(a)) - Number(hangs(b)));
  }

  #between([min, max]: readonly [number, number]): number {
    return min + this.#rng.below(max - min);
  }

  async #one(kind: FaultKind): Promise<void> {
    const fault = this.#eventLog.timeline.begin(kind);
    this.#eventLog.say(`${kind}: begins`);
    const what = await this.#do(fault);
    await this.#recovered();
    fault.to = performance.now();
    this.#eventLog.say(`${kind}: ${what}; recovered after ${Math.round(fault.to - fault.from)} ms`);
  }

  #do(fault: Fault): Promise<string> {
    const { kind } = fault;
    const { redis } = this.#system;
    switch (kind) {
      case 'kill':
        return this.#kill();
      case 'term':
        return this.#terminate();
      case 'freeze':
        return this.#freeze();
      case 'cutBroker':
        return Promise.resolve(
          `${this.#system.brokerRelay.cut((all) => this.#rng.some(all, 0.5))} connections`,
        );
      case 'cutRedis':
        return redis.cut(this.#rng);
      case 'restartRedis':
      case 'failover':
        return redis.disturb(this.#rng, () => {
          fault.settledAt = performance.now();
        });
      case 'hangMail':
      case 'hangSts':
        return this.#hang(kind);
      case 'restartBroker':
        return this.#restartBroker(fault, 'SIGTERM');
      case 'killBroker':
        return this.#restartBroker(fault, 'SIGKILL');
    }
  }

  #pick(): Worker | undefined {
    const { running } = this.#system.fleet;
    return running.length === 0 ? undefined : this.#rng.pick(running);
  }

  async #kill(): Promise<string> {
    const { fleet } = this.#system;
    const victim = this.#pick();
    if (victim === undefined) return 'nobody runs';
    await fleet.kill(victim);
    await sleep(this.#rng.below(3_000));
    await fleet.startReady();
    return victim.name;
  }

  async #terminate(): Promise<string> {
    const { fleet } = this.#system;
    const victim = this.#pick();
    if (victim === undefined) return 'nobody runs';
    const begun = performance.now();
    const [code] = await Promise.all([fleet.terminate(victim, shutdownMs), fleet.startReady()]);
    if (code !== 0) this.#eventLog.violation('worker', `${victim.name} ended with ${code} after SIGTERM`);
    return `${victim.name} left in ${Math.round(performance.now() - begun)} ms`;
  }

  async #freeze(): Promise<string> {
    const victim = this.#pick();
    if (victim === undefined || this.#system.fleet.running.length < 2) return 'too few run';
    const milliseconds = this.#between(this.#course.pace.freezeMs);
    victim.signal('SIGSTOP');
    await sleep(milliseconds);
    if (!victim.isEnding) victim.signal('SIGCONT');
    return `${victim.name} for ${milliseconds} ms`;
  }

  async #hang(kind: 'hangMail' | 'hangSts'): Promise<string> {
    const { mail, sts } = this.#system;
    const milliseconds = this.#between(this.#course.pace.hangMs);
    if (kind === 'hangMail') mail.hang(this.#rng.pick([true, 'connect', 'data'] as const));
    else sts.mode(this.#rng.pick(['hang', 'slow', '500'] as const), 3_000);
    await sleep(milliseconds);
    if (kind === 'hangMail') mail.hang(false);
    else sts.mode('success');
    // Requests that were left waiting keep waiting until the worker's own timeout.
    await sleep(kind === 'hangMail' ? 7_000 : 11_000);
    return `${milliseconds} ms`;
  }

  async #restartBroker(fault: Fault, signal: NodeJS.Signals): Promise<string> {
    const { broker } = this.#system;
    const awayMs = this.#rng.below(2_000);
    // The restored session of a worker has no shared subscription: messages until one subscribes are dropped.
    fault.subscribedAt = Number.POSITIVE_INFINITY;
    await broker.kill(signal);
    await sleep(awayMs);
    await broker.restart();
    const isReady = async (): Promise<boolean> =>
      (await Promise.all(this.#system.fleet.running.map((worker) => worker.readiness()))).includes(200);
    await sleep(50);
    while (!(await isReady())) await sleep(20);
    fault.subscribedAt = performance.now();
    return `${signal}, away for ${awayMs} ms`;
  }

  /** All workers take requests, and no session remains to be taken over. */
  async #recovered(): Promise<void> {
    const { fleet, database, brokerRelay } = this.#system;
    const registry = database.keys.workers(fleetOf({ shareGroup: 'profile', urls: [brokerRelay.url] }));
    const end = performance.now() + recoveryMs;
    for (; performance.now() < end; await sleep(100)) {
      const names = fleet.living.map(({ name }) => name);
      const known = await withRetry(() => database.connection.zrangebyscore(registry, '-inf', '+inf'));
      const isAlike = known.length === names.length && names.every((name) => known.includes(name));
      const isFrozen = fleet.living.some((worker) => worker.isFrozen);
      if (isAlike && !isFrozen && (await fleet.recovered(1_000))) return;
    }
    this.#eventLog.violation('worker', 'the workers have not recovered within a minute');
  }
}
