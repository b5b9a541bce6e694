import { Histogram, type HistogramConfiguration } from 'prom-client';

/**
 * Durations in buckets, as plain numbers. To count one costs a look for its bucket: prom-client would build and hash a
 * label object each time, half a microsecond of the twenty that a `get` takes.
 */
export class Durations {
  readonly #bounds: readonly number[];
  /** One for each bound, and one for what is longer than all of them. */
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

  /** As Prometheus has a histogram: each bucket holds those before it too. */
  read(): { buckets: [bound: number | '+Inf', count: number][]; count: number; sum: number } {
    let count = 0;
    const buckets = this.#counts.map((own, index): [number | '+Inf', number] => {
      count += own;
      return [this.#bounds[index] ?? '+Inf', count];
    });
    return { buckets, count, sum: this.#sum };
  }
}

/** The requests of one kind: how many came to which result, and how long they took. */
export interface KindTally {
  readonly results: Map<string, number>;
  readonly durations: Durations;
}

type Series = readonly [labels: Record<string, string>, durations: Durations];

/** A histogram that is filled outside of prom-client, and given its labels when it is read. */
export class TalliedHistogram extends Histogram {
  readonly #configuration: HistogramConfiguration<string>;
  readonly #series: () => Iterable<Series>;

  constructor(configuration: HistogramConfiguration<string>, series: () => Iterable<Series>) {
    super(configuration);
    this.#configuration = configuration;
    this.#series = series;
  }

  /** What a registry of prom-client reads, and `get` of a histogram too. */
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
