/** How requests arrive: from independent people (`poisson`), or at equal distances (`even`). */
export type Arrivals = 'poisson' | 'even';

/**
 * The send times of requests, milliseconds from the start, independent of earlier requests: an open loop. Latencies
 * count from these times, so a request that had to wait for a stalled system counts its wait.
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
