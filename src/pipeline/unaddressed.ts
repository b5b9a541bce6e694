import type { Log } from '../telemetry/log.ts';

const pauseMs = 60_000;

/** Logs, at most once a minute, that requests come with an empty client level. */
export class UnaddressedLog {
  readonly #log: Log;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  note(): void {
    const now = performance.now();
    if (now - this.#loggedAt < pauseMs) return;
    this.#loggedAt = now;
    this.#log.warn(
      'requests come with an empty client level and cannot be answered: is the client_identity plugin loaded in Mosquitto?',
    );
  }
}
