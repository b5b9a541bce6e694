import { Histogram, type HistogramConfiguration } from 'prom-client';

/**
 * Durations in buckets of plain numbers. prom-client would build and hash a label object for each duration: half a
 * microsecond of the twenty that a `get` takes.
 */
export class Durations {
  readonly #bounds: readonly number[];
  /** One for each bound, and one for longer durations. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds - seconds, rising. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  count(seconds: number): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && seconds > (bounds[index] ?? 0)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** Cumulative buckets, as Prometheus defines a histogram. */
  read(): { buckets: [bound: number | '+Inf', count: number][]; count: number; sum: number } {
    let count = 0;
    const buckets = this.#counts.map((own, index): [number | '+Inf', number] => {
      count += own;
      return [this.#bounds[index] ?? '+Inf', count];
    });
    return { buckets, count, sum: this.#sum };
  }
}

/** The requests of one kind: counts by result, and durations. */
export interface KindTally {
  readonly results: Map<string, number>;
  readonly durations: Durations;
}

type Series = readonly [labels: Record<string, string>, durations: Durations];

/** A histogram that is counted outside prom-client and gets its labels when it is read. */
export class TalliedHistogram extends Histogram {
  readonly #configuration: HistogramConfiguration<string>;
  readonly #series: () => Iterable<Series>;

  constructor(configuration: HistogramConfiguration<string>, series: () => Iterable<Series>) {
    super(configuration);
    this.#configuration = configuration;
    this.#series = series;
  }

  /** prom-client's registry reads this. */
  async getForPromString() {
    const { name, help } = this.#configuration;
    const values = [...this.#series()].flatMap(([labels, durations]) => {
      const { buckets, count, sum } = durations.read();
      return [
        ...buckets.map(([le, value]) => ({ labels: { ...labels, le }, value, metricName: `${name}_bucket` })),
        { labels, value: sum, metricName: `${name}_sum` },
        { labels, value: count, metricName: `${name}_count` },
      ];
    });
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  }
}
