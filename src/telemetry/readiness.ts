import type { Log } from './log.ts';

/** The state of the connection to a server. */
export interface ServerState {
  readonly connected: boolean;
  /** Absent for a server without subscriptions. */
  readonly subscribed?: boolean;
  /** Why it is not usable, in one short sentence. */
  readonly cause?: string;
}

/** A reason why the program is not ready. */
export interface Problem {
  /** `redis`, or `broker 1` and so on, in the order of `MQTT_URL`. */
  readonly server: string;
  readonly cause: string;
}

/** @returns the problem of a server; none if it is usable. */
export function problemsOf(server: string, { connected, subscribed = true, cause }: ServerState): Problem[] {
  if (connected && subscribed) return [];
  return [{ server, cause: cause ?? (connected ? 'not subscribed' : 'not connected') }];
}

/** @returns what is wrong with the brokers, in the order of `MQTT_URL`; the list is empty before the first connection. */
export function brokerProblems(states: readonly ServerState[]): Problem[] {
  if (states.length === 0) return [{ server: 'broker', cause: 'not connected yet' }];
  return states.flatMap((state, index) => problemsOf(`broker ${index + 1}`, state));
}

/** Causes that occur in every start and every reconnect. */
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
  /** Log what has changed since the last call. Returns whether the program is ready. */
  changed(): boolean;
  /** Log nothing from now on. */
  stopping(): void;
}

/**
 * Log when the program becomes ready or stops being ready. Further causes are logged once each.
 * @param problems - returns the current problems.
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
      if (isStopping || (isReady === (now.length === 0) && news.length === 0)) return isReady;
      for (const trouble of news) reported.add(trouble);
      isReady = now.length === 0;
      if (!isReady) log.warn({ troubles: now.map(text) }, 'not ready');
      else {
        reported.clear();
        log.info('ready');
      }
      return isReady;
    },
  };
}

/** @returns listeners for connections: they call `lost` when a connection is lost, and `changed` on every change. */
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
