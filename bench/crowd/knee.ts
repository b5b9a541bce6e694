/** A measured rate, as far as it tells whether the system kept up. */
export interface Point {
  /** Requests a second that were due. */
  readonly rate: number;
  /** Requests a second that were answered meanwhile. */
  readonly answered: number;
  readonly p99Ms: number;
}

/** A system keeps up while nearly all is answered meanwhile, and nearly all soon. */
export const keepsUpLimits = { answeredShare: 0.97, p99Ms: 100 } as const;

export function keepsUp({ rate, answered, p99Ms }: Point): boolean {
  return answered >= rate * keepsUpLimits.answeredShare && p99Ms <= keepsUpLimits.p99Ms;
}

/** The highest rate that the system kept up with, below the first that it did not; undefined if there is none. */
export function kneeOf<P extends Point>(points: readonly P[]): P | undefined {
  const sorted = points.toSorted((a, b) => a.rate - b.rate);
  const over = sorted.findIndex((point) => !keepsUp(point));
  return sorted[(over < 0 ? sorted.length : over) - 1];
}
