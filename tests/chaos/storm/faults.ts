import { setTimeout as sleep } from 'node:timers/promises';
import { persist } from '../../../src/store/redis.ts';
import type { Chance } from '../random.ts';
import type { Worker } from './fleet.ts';
import type { Ledger } from './ledger.ts';
import type { System } from './system.ts';
import type { Fault, FaultKind } from './timeline.ts';

/** How many of each kind there are in a deck of faults; the deck is shuffled each time that it is used up. */
const deck: Readonly<Record<FaultKind, number>> = {
  kill: 4,
  term: 3,
  freeze: 3,
  cutBroker: 3,
  cutRedis: 3,
  restartRedis: 2,
  failover: 2,
  hangMail: 2,
  hangSts: 2,
  restartBroker: 1,
  killBroker: 0,
};

/** Faults of one server. */
const once: ReadonlySet<FaultKind> = new Set([
  'restartRedis',
  'failover',
  'hangMail',
  'hangSts',
  'restartBroker',
  'killBroker',
]);

const recoveryMs = 60_000;

/** So long a SIGTERM may take: `SHUTDOWN_TIMEOUT_MS`, and a little. */
const shutdownMs = 30_000;

/** Does harm, at random times and in random order, and mends what it did. */
export class Faults {
  readonly #system: System;
  readonly #ledger: Ledger;
  readonly #chance: Chance;
  readonly #kinds: readonly FaultKind[];
  #cards: FaultKind[] = [];

  /** @param kinds - only these; a kind that the deck has none of is there once. */
  constructor(system: System, ledger: Ledger, chance: Chance, kinds: readonly FaultKind[]) {
    this.#system = system;
    this.#ledger = ledger;
    this.#chance = chance;
    const other = system.redis.disturbance === 'failover' ? 'restartRedis' : 'failover';
    this.#kinds = kinds
      .filter((kind) => kind !== other)
      .flatMap((kind) => Array.from({ length: Math.max(1, deck[kind]) }, () => kind));
  }

  /** One fault after the other, sometimes two at a time, until the time is over and all is mended. */
  async run(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    const under = new Set<Promise<void>>();
    while (performance.now() < end) {
      const kind = this.#draw();
      // A server can't be restarted by two at a time, nor hang twice.
      if (once.has(kind) && this.#ledger.timeline.isUnderWay(kind)) await Promise.all(under);
      const one = this.#one(kind).finally(() => under.delete(one));
      under.add(one);
      // What hangs is long, and harms only some: others go on meanwhile.
      const isOverlapped =
        (kind === 'hangMail' || kind === 'hangSts' || this.#chance.is(0.25)) && under.size < 3;
      const pauseMs = 500 + this.#chance.below(3_000);
      if (!isOverlapped) await Promise.all(under);
      await sleep(pauseMs);
    }
    await Promise.all(under);
  }

  #draw(): FaultKind {
    if (this.#cards.length === 0) {
      const rest = [...this.#kinds];
      while (rest.length > 0) this.#cards.push(...rest.splice(this.#chance.below(rest.length), 1));
    }
    return this.#cards.pop() ?? 'kill';
  }

  async #one(kind: FaultKind): Promise<void> {
    const fault = this.#ledger.timeline.begin(kind);
    this.#ledger.say(`${kind}: begins`);
    const what = await this.#do(fault);
    await this.#recovered();
    fault.to = performance.now();
    this.#ledger.say(`${kind}: ${what}; recovered after ${Math.round(fault.to - fault.from)} ms`);
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
        return Promise.resolve(`${this.#system.brokerProxy.cut(this.#chance, 0.5)} connections`);
      case 'cutRedis':
        return redis.cut(this.#chance);
      case 'restartRedis':
      case 'failover':
        return redis.disturb(this.#chance);
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
    return running.length === 0 ? undefined : this.#chance.pick(running);
  }

  async #kill(): Promise<string> {
    const { fleet } = this.#system;
    const victim = this.#pick();
    if (victim === undefined) return 'nobody runs';
    await fleet.kill(victim);
    await sleep(this.#chance.below(3_000));
    await fleet.startReady();
    return victim.name;
  }

  async #terminate(): Promise<string> {
    const { fleet } = this.#system;
    const victim = this.#pick();
    if (victim === undefined) return 'nobody runs';
    const begun = performance.now();
    const [code] = await Promise.all([fleet.terminate(victim, shutdownMs), fleet.startReady()]);
    if (code !== 0) this.#ledger.violation('worker', `${victim.name} ended with ${code} after SIGTERM`);
    return `${victim.name} left in ${Math.round(performance.now() - begun)} ms`;
  }

  async #freeze(): Promise<string> {
    const victim = this.#pick();
    if (victim === undefined || this.#system.fleet.running.length < 2) return 'too few run';
    const milliseconds = 5_000 + this.#chance.below(15_000);
    victim.signal('SIGSTOP');
    await sleep(milliseconds);
    if (!victim.isEnding) victim.signal('SIGCONT');
    return `${victim.name} for ${milliseconds} ms`;
  }

  async #hang(kind: 'hangMail' | 'hangSts'): Promise<string> {
    const { mail, sts } = this.#system;
    const milliseconds = 2_000 + this.#chance.below(8_000);
    if (kind === 'hangMail') mail.hang(this.#chance.pick([true, 'connect', 'data'] as const));
    else sts.mode(this.#chance.pick(['hang', 'slow', '500'] as const), 3_000);
    await sleep(milliseconds);
    if (kind === 'hangMail') mail.hang(false);
    else sts.mode('success');
    // Who was left waiting goes on waiting, until the worker's own patience ends.
    await sleep(kind === 'hangMail' ? 7_000 : 11_000);
    return `${milliseconds} ms`;
  }

  async #restartBroker(fault: Fault, signal: NodeJS.Signals): Promise<string> {
    const { broker } = this.#system;
    const awayMs = this.#chance.below(2_000);
    // The restored session of a worker has no shared subscription: what is published until one subscribes is dropped.
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

  /** All workers take requests, and nobody is left to be inherited from. */
  async #recovered(): Promise<void> {
    const { fleet, database } = this.#system;
    const end = performance.now() + recoveryMs;
    for (; performance.now() < end; await sleep(100)) {
      const names = fleet.living.map(({ name }) => name);
      const known = await persist(() =>
        database.connection.zrangebyscore(database.keys.workers(), '-inf', '+inf'),
      );
      const isAlike = known.length === names.length && names.every((name) => known.includes(name));
      const isFrozen = fleet.living.some((worker) => worker.isFrozen);
      if (isAlike && !isFrozen && (await fleet.recovered(1_000))) return;
    }
    this.#ledger.violation('worker', 'the workers have not recovered within a minute');
  }
}
