import type { Shutdown } from '../lib/shutdown.ts';
import type { PresenceNews } from '../mqtt/broker.ts';
import type { BrokerConnection } from '../mqtt/connection.ts';
import type { Database } from '../store/redis/database.ts';
import { isOwnFault } from '../store/redis/health.ts';
import { watchNames } from './one-broker-twice.ts';
import type { SessionTakeoverDeps } from './one-takeover.ts';
import { SessionTakeover } from './session-takeover.ts';
import { leaveBrokers } from './stopping.ts';

type FailoverDeps = SessionTakeoverDeps;

/** So long a worker waits before it asks others to take over, and between two times. */
const askEveryMs = 1_500;

/** How a worker stands in for others, and how it leaves. */
export class Failover {
  readonly #deps: FailoverDeps;
  readonly #takeover: SessionTakeover;
  #sessionsLeft = 0;
  #asking: NodeJS.Timeout | undefined;
  #hasAsked = false;

  constructor(deps: FailoverDeps) {
    this.#deps = deps;
    this.#takeover = new SessionTakeover(deps);
  }

  /** Follow the state of one of this worker's own connections; all are in `brokers`. */
  watch(broker: BrokerConnection, place: number): void {
    broker.onState(() => this.#takeover.brokerChanged(place));
    watchNames(this.#deps.brokers.slice(0, place), broker);
  }

  /** News of another worker from the broker at this place in `MQTT_URL`. */
  readonly heard = (worker: string, place: number, news: PresenceNews): void =>
    this.#takeover.heard(worker, place, news);

  /** Whether this worker can use its Redis may have changed. */
  ableChanged(): void {
    if (this.#deps.isAble()) {
      clearInterval(this.#asking);
      this.#asking = undefined;
      if (this.#hasAsked) for (const broker of this.#deps.brokers) broker.giveWay(false);
      this.#hasAsked = false;
      this.#takeover.wake();
    } else this.#asking ??= setInterval(() => this.#giveWay(), askEveryMs).unref();
  }

  /** What passes by itself is not worth a takeover. */
  #giveWay(): void {
    if (!this.#hasAsked) this.#deps.log.warn('Redis cannot be used: other workers are asked to take over');
    this.#hasAsked = true;
    for (const broker of this.#deps.brokers) broker.giveWay(true);
  }

  /** Add the steps that leave the brokers. */
  stopWith(shutdown: Shutdown): void {
    shutdown.addBestEffort(() => this.#stop());
    shutdown.add(() => this.#leaveBrokers());
    shutdown.addBestEffort(() => this.#takeover.pause());
  }

  /** Finish what is in work. Heartbeats go on, or another worker would take over the session whose requests this one finishes. */
  async #leaveBrokers(): Promise<void> {
    const { brokers, registry, times, log } = this.#deps;
    this.#sessionsLeft = await leaveBrokers({ brokers, registry, silentMs: times.silentMs });
    if (this.#sessionsLeft > 0)
      log.info({ sessions: this.#sessionsLeft }, 'broker sessions are left to the next worker');
  }

  /** Stop heartbeats and tell the registry. What is left at a broker needs a successor. */
  async #stop(): Promise<void> {
    clearInterval(this.#asking);
    await this.#takeover.stop();
    const { registry } = this.#deps;
    await (this.#sessionsLeft > 0 ? registry.leaveSession() : registry.leave());
  }
}

/**
 * Register this worker, before it is connected to a broker.
 * @returns what gives way while this worker alone may be unable to use Redis; undefined if it is stopped meanwhile.
 */
export async function openFailover(
  redis: Database,
  deps: Omit<FailoverDeps, 'isAble'>,
  shutdown: Shutdown,
): Promise<Failover | undefined> {
  await deps.registry.join();
  if (shutdown.isRunning) return undefined;
  const failover = new Failover({ ...deps, isAble: () => !isOwnFault(redis.state) });
  redis.onState(() => failover.ableChanged());
  failover.ableChanged();
  return failover;
}
