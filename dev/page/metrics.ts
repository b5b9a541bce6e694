import type { WorkerNumbers } from './shapes.ts';

/** A worker's HTTP server. */
export interface WorkerAddress {
  readonly name: string;
  /** `http://host:port` */
  readonly url: string;
}

/** Fetches `/metrics` of each worker; one that does not answer within a second has no numbers. */
export async function askWorkers(workers: readonly WorkerAddress[]): Promise<WorkerNumbers[]> {
  return Promise.all(
    workers.map(async ({ name, url }) => {
      try {
        const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(1000) });
        return response.ok ? { name, numbers: readNumbers(await response.text()) } : { name };
      } catch {
        return { name };
      }
    }),
  );
}

/** Extracts the few numbers that the page draws from Prometheus' text format. */
export function readNumbers(text: string): NonNullable<WorkerNumbers['numbers']> {
  const durations = new Map<number, number>();
  let requests = 0;
  let inFlight = 0;
  for (const [, name, labels = '', value] of text.matchAll(sample)) {
    if (name === 'profile_requests_total') requests += Number(value);
    else if (name === 'profile_in_flight') inFlight += Number(value);
    else if (name === 'profile_request_duration_seconds_bucket') {
      const atMost = Number(/\ble="([^"]+)"/.exec(labels)?.[1]?.replace('+Inf', 'Infinity'));
      durations.set(atMost, (durations.get(atMost) ?? 0) + Number(value));
    }
  }
  return {
    requests,
    inFlight,
    durations: [...durations]
      .sort(([one], [other]) => one - other)
      // JSON has no infinity; this number is beyond every deadline.
      .map(([atMost, count]) => ({ atMostSeconds: Math.min(atMost, maxSeconds), count })),
  };
}

const maxSeconds = 3600;

/** Matches `name{labels} value`, one on each line. */
const sample = /^(\w+)(?:\{(.*)\})? (\S+)$/gm;
