import type { BrokerState, ConnectionLog } from './broker.ts';

/** The state of a connection, with those who wait for a change of it. */
export class ConnectionState {
  readonly #log: ConnectionLog;
  readonly #listeners: ((state: BrokerState) => void)[] = [];
  readonly #waiters = new Set<() => void>();
  #now: BrokerState = { connected: false, subscribed: false, cause: 'connecting' };

  constructor(log: ConnectionLog) {
    this.#log = log;
  }

  get now(): BrokerState {
    return this.#now;
  }

  onChange(listener: (state: BrokerState) => void): void {
    this.#listeners.push(listener);
  }

  /** @param isEnding - whether this side ends the connection, so that its loss is no news. */
  become(state: BrokerState, isEnding: boolean): void {
    const { connected, subscribed, cause } = this.#now;
    if (state.connected === connected && state.subscribed === subscribed && state.cause === cause) return;
    this.#now = state;
    if (state.subscribed || state.cause === 'subscribing' || isEnding)
      this.#log.info(state.cause ?? 'subscribed');
    else this.#log.warn(`not subscribed: ${state.cause}`);
    for (const listener of this.#listeners) listener(state);
    this.wake();
  }

  /** Resolves when `condition` holds; it is looked at after each change and each `wake`. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  wake(): void {
    if (this.#waiters.size === 0) return;
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}
