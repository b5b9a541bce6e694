import type { Shutdown } from '../lib/shutdown.ts';
import type { BrokerConnection } from '../mqtt/connection.ts';
import type { SessionTakeoverDeps } from './one-takeover.ts';
import { SessionTakeover } from './session-takeover.ts';
import { leaveBrokers } from './stopping.ts';

/** How a worker stands in for others, and how it leaves. */
export class Failover {
  readonly #deps: SessionTakeoverDeps;
  readonly #takeover: SessionTakeover;
  #sessionsLeft = 0;

  /** @param deps - `brokers` is filled by `watch`. */
  constructor(deps: SessionTakeoverDeps) {
    this.#deps = deps;
    this.#takeover = new SessionTakeover(deps);
  }

  /** Follow the state of one of this worker's own connections. */
  watch(broker: BrokerConnection, place: number): void {
    broker.onState(() => this.#takeover.brokerChanged(place));
  }

  /** Another worker's connection to the broker at this place in `MQTT_URL` has died, or is subscribed again. */
  readonly heard = (worker: string, place: number, isLost: boolean): void =>
    this.#takeover.heard(worker, place, isLost);

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
    await this.#takeover.stop();
    const { registry } = this.#deps;
    await (this.#sessionsLeft > 0 ? registry.leaveSession() : registry.leave());
  }
}
