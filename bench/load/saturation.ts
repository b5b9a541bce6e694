/** A measured rate, and whether the system kept up. */
export interface Point {
  /** Requests a second that were due. */
  readonly rate: number;
  /** Requests a second that were answered in the same time. */
  readonly answered: number;
  readonly p99Ms: number;
}

/** The least part of the requests that is answered in time while a system keeps up. */
const answeredShare = 0.97;

/** A system keeps up while nearly all requests are answered in time, and nearly all fast. */
export function keepsUp({ rate, answered, p99Ms }: Point, maxP99Ms: number): boolean {
  return answered >= rate * answeredShare && p99Ms <= maxP99Ms;
}

/** The highest rate that the system kept up with, below the first that it did not; undefined if there is none. */
export function saturationOf<P extends Point>(points: readonly P[], maxP99Ms: number): P | undefined {
  const sorted = points.toSorted((a, b) => a.rate - b.rate);
  const over = sorted.findIndex((point) => !keepsUp(point, maxP99Ms));
  return sorted[(over < 0 ? sorted.length : over) - 1];
}
