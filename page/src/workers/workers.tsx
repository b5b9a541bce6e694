import { useEffect } from 'preact/hooks';
import { repeat } from '../server.ts';
import { Chart } from './chart.tsx';
import { moments, sample, workers } from './history.ts';

/** Shows live charts of the workers. */
export function Workers() {
  useEffect(() => repeat(1000, sample), []);
  const names = workers.value.map(({ name }) => name);
  const all = moments.value;
  const now = all.at(-1);
  return (
    <section class="workers" aria-labelledby="workers">
      <h2 id="workers" class="unseen">
        Workers
      </h2>
      <Chart
        title="Requests a second"
        times={all.map(({ atMs }) => atMs)}
        lines={names.map((name, index) => ({
          name,
          values: all.map(({ perSecond }) => perSecond[index] ?? null),
          now: number(now?.perSecond[index], 1),
        }))}
      />
      <Chart
        title="In flight"
        times={all.map(({ atMs }) => atMs)}
        lines={names.map((name, index) => ({
          name,
          values: all.map(({ inFlight }) => inFlight[index] ?? null),
          now: number(now?.inFlight[index], 0),
        }))}
      />
      <Chart
        title="Latency, ms"
        times={all.map(({ atMs }) => atMs)}
        lines={[
          { name: 'median', values: all.map(({ median }) => median), now: number(now?.median, 1) },
          { name: '95 %', values: all.map(({ p95 }) => p95), now: number(now?.p95, 1) },
        ]}
      />
    </section>
  );
}

function number(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
