/**
 * Shares one result among all who ask within a time.
 * @param milliseconds - from when the result was asked for; with 0 nobody shares.
 * @param make - makes a result. If it fails, all who wait for it hear so, and the next one who asks tries anew.
 * @param now - a clock in milliseconds.
 */
export function cached<T>(
  milliseconds: number,
  make: () => Promise<T>,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let kept: Promise<T> | undefined;
  let until = 0;
  return () => {
    const at = now();
    if (kept !== undefined && at < until) return kept;
    const made = make();
    kept = made;
    until = at + milliseconds;
    made.catch(() => {
      if (kept === made) kept = undefined;
    });
    return made;
  };
}
