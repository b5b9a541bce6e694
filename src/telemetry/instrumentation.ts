import type { Settings } from '../config/settings.ts';
import { limiterNames } from '../handlers/index.ts';
import type { BrokerConnection } from '../mqtt/connection.ts';
import { redisCalls } from '../store/redis/calls.ts';
import { traceRedis, traceService } from './instrumentation-calls.ts';
import type { CallObserver } from './instrumentation-services.ts';
import type { Log } from './log.ts';
import type { KindLabels, Metrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** How it is seen what the program does. */
export interface Telemetry {
  readonly log: Log;
  /** Absent unless traces are on. */
  readonly tracing: Tracing | undefined;
}

/** What alerts ask for is shown from the start, or the first of it would count for nothing: `rate` needs a 0 before it. */
export const kindLabels: readonly KindLabels[] = Object.entries(limiterNames).map(([kind, lane]) => ({
  kind,
  lane,
  results: lane === 'mail' || lane === 'sts' ? ['internal', 'busy'] : ['internal'],
}));

/** Time calls to Redis, and trace them if traces are on. */
export function instrumentRedis(metrics: Metrics, tracing: Tracing | undefined): void {
  redisCalls.onRoundTrip = metrics.roundTrip;
  redisCalls.trace = tracing && traceRedis(tracing);
}

/** Tell the metrics where the state of the program is to be read. */
export function exposeState(
  metrics: Metrics,
  { settings, brokers, isReady }: { settings: Settings; brokers: BrokerConnection[]; isReady: () => boolean },
): void {
  metrics.read({
    isReady,
    inFlight: () => brokers.reduce((sum, broker) => sum + broker.inFlight, 0),
    inFlightLimit: settings.mqtt.receiveMaximum * settings.mqtt.urls.length,
    unacked: () => brokers.map(({ unacked }) => unacked),
    redisCalls: () => {
      const { answered, repeated, refused } = redisCalls;
      return { answered, repeated, refused };
    },
  });
}

/** Count, time and perhaps trace calls to mail server and STS. */
export function observeServices(metrics: Metrics, tracing: Tracing | undefined): CallObserver {
  return async (service, call, outcomeOf) => {
    const began = performance.now();
    const asked = tracing === undefined ? call() : traceService(tracing, { service, call, outcomeOf });
    const answer = await asked;
    metrics.called(service, outcomeOf(answer), (performance.now() - began) / 1000);
    return answer;
  };
}
