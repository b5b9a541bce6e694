/** A measured rate, as far as it tells whether the system kept up. */
export interface Point {
  /** Requests a second that were due. */
  readonly rate: number;
  /** Requests a second that were answered meanwhile. */
  readonly answered: number;
  readonly p99Ms: number;
}

/** Part of the requests that are answered meanwhile, while a system keeps up. */
const answeredShare = 0.97;

/** A system keeps up while nearly all is answered meanwhile, and nearly all soon. */
export function keepsUp({ rate, answered, p99Ms }: Point, maxP99Ms: number): boolean {
  return answered >= rate * answeredShare && p99Ms <= maxP99Ms;
}

/** The highest rate that the system kept up with, below the first that it did not; undefined if there is none. */
export function saturationOf<P extends Point>(points: readonly P[], maxP99Ms: number): P | undefined {
  const sorted = points.toSorted((a, b) => a.rate - b.rate);
  const over = sorted.findIndex((point) => !keepsUp(point, maxP99Ms));
  return sorted[(over < 0 ? sorted.length : over) - 1];
}
