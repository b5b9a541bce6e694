/** How requests come: a stream of people who don't know of each other (`poisson`), or a metronome (`even`). */
export type Arrivals = 'poisson' | 'even';

/**
 * When requests are to be sent, milliseconds from the start, whatever becomes of the ones before: an open loop.
 * Latencies are taken from these times, so a request that had to wait for a stalled system counts its wait.
 * @param rate - requests a second, on average.
 * @param random - uniform in [0, 1).
 */
export function* arrivalTimes(
  arrivals: Arrivals,
  rate: number,
  durationMs: number,
  random: () => number = Math.random,
): Generator<number> {
  const gapMs = 1000 / rate;
  for (let time = 0; ; ) {
    time += arrivals === 'even' ? gapMs : -Math.log(1 - random()) * gapMs;
    if (time >= durationMs) return;
    yield time;
  }
}
