import { inTime } from '../lib/in-time.ts';
import type { Shutdown } from '../lib/shutdown.ts';
import type { BrokerConnection } from '../mqtt/connection.ts';
import type { Log } from '../telemetry/log.ts';
import type { WorkerRegistry } from './worker-registry.ts';

/** A broker without a connection for so long is not waited for: what it holds, it gives to the next worker. */
const awayMs = 500;

/** Time for Redis to say whether another worker stays. */
const askingMs = 500;

export interface StoppingDeps {
  readonly brokers: readonly BrokerConnection[];
  readonly registry: Pick<WorkerRegistry, 'isLastAt'>;
  readonly silentMs: number;
}

/**
 * Finish what is in work and leave the brokers. A worker that is the last one at a broker keeps its session there, because a
 * broker without a subscription acknowledges what phones publish and drops it. So does one that cannot tell.
 * @returns how many sessions are left to the next worker.
 */
export async function leaveBrokers({ brokers, registry, silentMs }: StoppingDeps): Promise<number> {
  const left = await Promise.all(
    brokers.map(async (broker) => {
      const asked = registry.isLastAt(broker.address, silentMs).catch(() => true);
      const isLast = await inTime(asked, askingMs, true);
      const isGivenUp = await unlessAway(broker, isLast ? broker.suspend() : broker.leave());
      return isLast || isGivenUp;
    }),
  );
  return left.filter(Boolean).length;
}

/** Close the connection when the broker is away while this worker leaves. @returns whether it was closed so. */
async function unlessAway(broker: BrokerConnection, leaving: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  let isGivenUp = false;
  const look = (): void => {
    clearTimeout(timer);
    if (hasEnded || broker.state.connected) return;
    timer = setTimeout(() => {
      isGivenUp = true;
      void broker.close();
    }, awayMs);
  };
  broker.onState(look);
  look();
  await leaving;
  hasEnded = true;
  clearTimeout(timer);
  return isGivenUp;
}

/** A worker that has started. */
export interface Running {
  readonly shutdown: Shutdown;
  readonly brokers: readonly BrokerConnection[];
}

/** Stop, and say what is left: the broker delivers to the next worker what this one has not acknowledged. */
export async function stop(
  { shutdown, brokers }: Running,
  signal: string,
  log: Log,
  timeoutMs: number,
): Promise<void> {
  log.info({ signal }, 'stopping');
  const exit = (isInTime: boolean): never => {
    const unacknowledged = brokers.reduce((sum, { unacked }) => sum + unacked.count, 0);
    if (!isInTime)
      log.warn({ unacknowledged }, 'stopped before all requests were done: the broker redelivers them');
    else if (unacknowledged > 0)
      log.warn({ unacknowledged }, 'stopped: the broker redelivers the requests that are left');
    else log.info('stopped');
    process.exit(0); // also when something still waits for a Redis that is away
  };
  const timer = setTimeout(() => exit(false), timeoutMs);
  await shutdown.run();
  clearTimeout(timer);
  exit(true);
}
