import type { Log } from './log.ts';

/** Whether a server can be used, as its connection says. */
export interface ServerState {
  readonly connected: boolean;
  /** Absent where there is nothing to subscribe to. */
  readonly subscribed?: boolean;
  /** Why it cannot be used, in one short sentence. */
  readonly cause?: string;
}

/** Why the program cannot take requests. */
export interface Problem {
  /** `redis`, or `broker 1` and so on, in the order of `MQTT_URL`. */
  readonly server: string;
  readonly cause: string;
}

/** @returns what is wrong with a server; nothing if it can be used. */
export function problemsOf(server: string, { connected, subscribed = true, cause }: ServerState): Problem[] {
  if (connected && subscribed) return [];
  return [{ server, cause: cause ?? (connected ? 'not subscribed' : 'not connected') }];
}

/** @returns what is wrong with the brokers, in the order of `MQTT_URL`; the list is empty before the first connection. */
export function brokerProblems(states: readonly ServerState[]): Problem[] {
  if (states.length === 0) return [{ server: 'broker', cause: 'not connected yet' }];
  return states.flatMap((state, index) => problemsOf(`broker ${index + 1}`, state));
}

/** Causes that every start and every reconnect passes through. */
const transientCauses: ReadonlySet<string> = new Set([
  'not connected yet',
  'connecting',
  'subscribing',
  'not connected',
  'connection lost',
  'connection closed',
]);

export interface Readiness {
  /** One line for each problem; none when the program is ready. */
  troubles(): string[];
  /** Look again, and log what has changed. */
  changed(): void;
  /** From here on nothing is logged. */
  stopping(): void;
}

/**
 * Log when the program becomes ready and when it is no longer. A cause that shows only later, or that keeps the program
 * from starting, is logged once.
 * @param problems - those of now.
 */
export function trackReadiness(log: Log, problems: () => readonly Problem[]): Readiness {
  const text = ({ server, cause }: Problem): string => `${server}: ${cause}`;
  const troubles = (): string[] => problems().map(text);
  const reported = new Set<string>();
  let isReady = false;
  let isStopping = false;
  return {
    troubles,
    stopping() {
      isStopping = true;
    },
    changed() {
      const now = problems();
      const lasting = now.filter(({ cause }) => !transientCauses.has(cause)).map(text);
      const news = lasting.filter((trouble) => !reported.has(trouble));
      if (isStopping || (isReady === (now.length === 0) && news.length === 0)) return;
      for (const trouble of news) reported.add(trouble);
      isReady = now.length === 0;
      if (!isReady) log.warn({ troubles: now.map(text) }, 'not ready');
      else {
        reported.clear();
        log.info('ready');
      }
    },
  };
}

/** Calls `lost` when a connection that was there is lost, and `changed` whatever happens to it. */
export function trackConnection<Server>(lost: (server: Server) => void, changed: () => void) {
  return (server: Server) => {
    let was = false;
    return ({ connected }: ServerState): void => {
      if (was && !connected) lost(server);
      was = connected;
      changed();
    };
  };
}
