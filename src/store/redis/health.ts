import { setTimeout as sleep } from 'node:timers/promises';
import { lineOf, type RedisFault, type RedisFaultName, redisFaultOf } from './faults.ts';

/** How Redis stands, without secrets. */
export interface RedisState {
  /** Redis takes commands. It may still have a `fault`. */
  readonly connected: boolean;
  /** What is wrong with it, if it is known. */
  readonly fault?: RedisFault;
  /** Why it cannot be used, one short sentence. */
  readonly cause?: string;
}

/** The cause until a first try to connect has ended. */
const notConnectedYet = 'not connected yet';

/** Whether anything is known about Redis: that it takes commands, or why not. */
export function isKnown({ connected, cause }: RedisState): boolean {
  return connected || cause !== notConnectedYet;
}

/** Between two tries to use a Redis that answered with a fault. */
const tryEveryMs = 1_000;

/** The first try after a connection holds up what waits for it no longer than this. */
const firstTryMs = 3_000;

/** The connection tells of these itself; a reply that names them is old. */
const ofConnection: ReadonlySet<RedisFaultName> = new Set([
  'unreachable',
  'silent',
  'tls',
  'no_redis',
  'other',
]);

/** Nothing can be done for a request: it waits, and its time stands still. With the others some requests are served. */
const partial: ReadonlySet<RedisFaultName> = new Set([
  'full',
  'disk',
  'cluster_down',
  'no_rights',
  'no_command',
]);

/** These come of how this worker gets in: another may be well. */
const ownFaults: ReadonlySet<RedisFaultName> = new Set([
  'wrong_password',
  'no_password',
  'sentinel_password',
  'no_rights',
  'no_database',
  'no_sentinel',
  'no_command',
  'no_redis',
  'no_master',
  'no_cluster',
  'cluster_node',
  'read_only',
  'master_down',
  'protected',
  'too_many_clients',
  'tls',
  'silent',
  'unreachable',
]);

/** Whether no request can be served. */
function isAway({ connected, fault }: RedisState): boolean {
  return !connected || (fault !== undefined && !partial.has(fault.name));
}

/** Longer than what waits takes to be done again: its pauses are 2 s at most. */
const resumedWithinMs = 5_000;

/**
 * Tells whether no request can be served, or what has waited for that is just being done again.
 * @param redis - watched from now on.
 */
export function watchAway(redis: {
  readonly state: RedisState;
  onState(listener: (state: RedisState) => void): void;
}): () => boolean {
  let wasAway = isAway(redis.state);
  let backAt = Number.NEGATIVE_INFINITY;
  redis.onState((state) => {
    const isGone = isAway(state);
    if (wasAway && !isGone) backAt = performance.now();
    wasAway = isGone;
  });
  return () => wasAway || performance.now() - backAt < resumedWithinMs;
}

/** Whether another worker may be able to use a Redis that this one cannot. */
export function isOwnFault({ connected, fault }: RedisState): boolean {
  return !connected || (fault !== undefined && ownFaults.has(fault.name));
}

export interface HealthDeps {
  /** Does what requests do, harmlessly; rejects as they would. */
  readonly check: () => Promise<unknown>;
  readonly isIgnored: (fault: RedisFault) => boolean;
  readonly changed: (state: RedisState) => void;
  /** So often it is checked while nothing is known to be wrong; default never. */
  readonly everyMs?: number | undefined;
}

/**
 * Knows whether Redis can be used: from its connection, from what it answers, and, after a fault, by trying.
 *
 * A reply alone does not make it well again: one kind of command may go well while another is refused.
 */
export class Health {
  readonly #deps: HealthDeps;
  #state: RedisState = { connected: false, cause: notConnectedYet };
  /** The last error of a connection that is not there. */
  #lastFault: RedisFault | undefined;
  #connections = 0;
  #isTrying = false;
  readonly #watching: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
    const { everyMs } = deps;
    if (everyMs === undefined) return;
    this.#watching = setInterval(() => {
      if (this.#state.connected && this.#state.fault === undefined) void this.#try(1);
    }, everyMs).unref();
  }

  get state(): RedisState {
    return this.#state;
  }

  /** Redis has let us in. */
  connected(): void {
    this.#connections++;
    void this.#try();
  }

  lost(): void {
    this.#connections++;
    const fault = this.#lastFault ?? this.#state.fault;
    if (fault === undefined) this.#become({ connected: false, cause: 'connection closed' });
    else this.#become({ connected: false, ...told(fault) });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Why there is no connection. */
  explained(fault: RedisFault): void {
    this.#lastFault = fault;
    if (!this.#state.connected) this.#become({ connected: false, ...told(fault) });
  }

  /** An error that a server answered. */
  replied(error: unknown): void {
    const fault = redisFaultOf(error);
    if (fault === undefined || ofConnection.has(fault.name) || this.#deps.isIgnored(fault)) return;
    if (!this.#state.connected) this.explained(fault);
    if (!this.#state.connected || this.#state.fault !== undefined) return;
    this.#become({ connected: true, ...told(fault) });
    void this.#try(tryEveryMs);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#watching);
  }

  /** Tries until it succeeds, or the connection is another one. */
  async #try(afterMs = 0): Promise<void> {
    const connection = this.#connections;
    const isOver = (): boolean => this.#isClosed || connection !== this.#connections;
    if (this.#isTrying && afterMs > 0) return;
    this.#isTrying = true;
    for (let pauseMs = afterMs; ; pauseMs = tryEveryMs) {
      if (pauseMs > 0) await sleep(pauseMs, undefined, { ref: false });
      if (isOver()) return;
      const checking = this.#deps.check().catch((reason: unknown) => reason);
      // A Cluster may hang on one of its nodes; the others work.
      const late = sleep(firstTryMs, undefined, { ref: false });
      const error = await (pauseMs === 0 ? Promise.race([checking, late]) : checking);
      if (isOver()) return;
      const fault = redisFaultOf(error);
      if (fault === undefined) break;
      if (!ofConnection.has(fault.name)) this.#become({ connected: true, ...told(fault) });
      else if (pauseMs === 0) break; // some node of a Cluster; the others work
    }
    this.#isTrying = false;
    this.#lastFault = undefined;
    this.#become({ connected: true });
  }

  #become(state: RedisState): void {
    const { connected, cause } = this.#state;
    this.#state = state;
    if (state.connected !== connected || state.cause !== cause) this.#deps.changed(state);
  }
}

function told(fault: RedisFault): Pick<RedisState, 'fault' | 'cause'> {
  return { fault, cause: lineOf(fault) };
}
