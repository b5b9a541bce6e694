import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Contender } from './contender.ts';
import { type BenchOptions, measureContests, withContenders, worker, workers } from './contest.ts';
import { sectionOf, type Task } from './rounds.ts';
import type { Section } from './table.ts';

const inFlight = 64;

/**
 * The cost of traces for a `get`: the worker without a collector, with one in a hundred requests traced, and with all
 * of them. The first has the hooks and nothing behind them; an older build without them (`--build`) shows their cost.
 */
export async function benchTraces(options: BenchOptions): Promise<Section[]> {
  const collector = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  const { port } = collector.address() as AddressInfo;
  const traced = (name: string, part: string): Contender => ({
    ...worker,
    name,
    settings: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: part,
      OTEL_BSP_MAX_QUEUE_SIZE: '100000',
    },
  });
  const contenders = [
    ...workers(options),
    traced('worker, 1 % traced', '0.01'),
    traced('worker, all traced', '1'),
  ];
  try {
    return await withContenders(contenders, options.progress, async (running, load) => {
      const tasks = running.map((contender): Task => ({ contender, kind: 'get', inFlight }));
      const contests = await measureContests(tasks, load, options);
      const [reference] = contests;
      if (reference === undefined) throw new Error('the worker is missing');
      return [sectionOf(`get, ${inFlight} in flight, traces off and on`, { contests, reference })];
    });
  } finally {
    collector.close();
    collector.closeAllConnections();
  }
}
