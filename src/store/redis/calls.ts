/** Runs one call to Redis as part of a trace. */
export type CallTrace = <T>(name: string, call: () => Promise<T>) => Promise<T>;

/**
 * Counts the calls to Redis in this process, as plain numbers for the metrics.
 *
 * Every `get` passes here twice, so a call costs an addition. The time is taken of one call and, until that is answered, of no
 * other: those made meanwhile share its pipeline or stand behind it, and take as long.
 */
class RedisCalls {
  answered = 0;
  /** Done again because Redis was away, failing over or moving a slot. */
  repeated = 0;
  refused = 0;
  /** Hears how long a timed call took. */
  onRoundTrip: ((seconds: number) => void) | undefined;
  /** Absent unless traces are on. */
  trace: CallTrace | undefined;
  #isTiming = false;

  /** @returns what to give to `end`: when the call began, or 0 if it is not timed. */
  begin(): number {
    if (this.#isTiming) return 0;
    this.#isTiming = true;
    return performance.now();
  }

  end(began: number, outcome: 'answered' | 'repeated' | 'refused'): void {
    this[outcome]++;
    if (began === 0) return;
    this.#isTiming = false;
    if (outcome === 'answered') this.onRoundTrip?.((performance.now() - began) / 1000);
  }
}

/** One for the process, like the connection pools and the event loop that it tells of. */
export const redisCalls = new RedisCalls();
