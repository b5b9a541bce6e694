import { setTimeout as sleep } from 'node:timers/promises';
import { redisCalls } from './calls.ts';
import { retryDelayMs } from './connect.ts';
import { Fault } from './fault.ts';
import { type RedisFaultName, redisFaultOf } from './faults.ts';

/** Redis says these while it starts, fails over or moves a slot; the same command works a moment later. */
const transientReply =
  /^(LOADING|MASTERDOWN|READONLY|TRYAGAIN|CLUSTERDOWN|MOVED|ASK|UNBLOCKED|NOREPLICAS|BUSY) |-READONLY /;

/** The client says these without a server, or when slots have moved since it put commands together. */
const transientError =
  /Connection is closed|Connection (closed|lost)|aborted|ECONN|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ETIMEDOUT|ENOTFOUND|Socket timeout|failed to refresh|max retries|Too many Cluster redirections|None of startup nodes|is disconnected|All keys in the pipeline/i;

/** Until a request is answered. */
export interface Deadline {
  /** Whether the request was answered because its time was over. */
  readonly isOver: boolean;
}

/**
 * Redis refuses so until somebody mends it, and serves other requests meanwhile. Another worker may be let in, or a replica
 * may take over: so the command is done again for a while. After that, a client is better off with an answer, and the
 * others with its place among the requests in flight.
 *
 * Milliseconds: `patience` from its first; one that was not met for `forgotten` begins again, because shards that fail over
 * one after another are several. A Cluster as it comes takes 17 s to replace a master (`cluster-node-timeout` and 2 s).
 */
const refusals: ReadonlyMap<RedisFaultName, { readonly patience: number; readonly forgotten: number }> =
  new Map([
    ['no_rights', { patience: 10_000, forgotten: 15_000 }],
    ['no_command', { patience: 10_000, forgotten: 15_000 }],
    ['full', { patience: 10_000, forgotten: 15_000 }],
    ['disk', { patience: 10_000, forgotten: 15_000 }],
    ['cluster_down', { patience: 20_000, forgotten: 5_000 }],
  ]);

/** A Cluster that serves nobody while it lacks slots says this: there is no other request to make room for. */
const servesNobody = /CLUSTERDOWN The cluster is down/;

/** When each refusal was met, first and last. */
const met = new Map<RedisFaultName, { readonly first: number; last: number }>();

function mayPass(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  const name = redisFaultOf(error)?.name;
  const times = name && refusals.get(name);
  if (name === undefined || times === undefined || servesNobody.test(message))
    // Nobody is let in, or nothing works: the request waits.
    return name !== undefined || transientReply.test(message) || transientError.test(message);
  const now = performance.now();
  const known = met.get(name);
  const refusal = known && now - known.last < times.forgotten ? known : { first: now, last: now };
  refusal.last = now;
  met.set(name, refusal);
  return now - refusal.first < times.patience;
}

/**
 * Do a repeatable command until Redis has answered it: what fails because the server is away, starting, failing over
 * or moving a slot is done again after a pause. What it refuses while it serves others is done again for
 * 10 to 20 s.
 * @param name - what a trace calls it.
 * @param deadline - of the request that it changes something for: once that is over, the command is not sent.
 * @throws Fault when Redis answers with any other error, or the deadline is over.
 */
export function withRetry<T>(
  command: () => Promise<T>,
  name = 'read or write',
  deadline?: Deadline,
): Promise<T> {
  return traced(name, () => withRetryUntraced(command, deadline));
}

/** The same, outside of any trace: for a command that does the work of several requests. */
export async function withRetryUntraced<T>(command: () => Promise<T>, deadline?: Deadline): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    // The client has heard that its change failed, and may have made another one.
    if (deadline?.isOver) throw new Fault('the request was answered before its change was made');
    const began = redisCalls.begin();
    try {
      const answer = await command();
      redisCalls.end(began, 'answered');
      return answer;
    } catch (error) {
      const isRepeated = mayPass(error);
      redisCalls.end(began, isRepeated ? 'repeated' : 'refused');
      if (!isRepeated) throw faultOf(error);
      await sleep(retryDelayMs(attempt));
    }
  }
}

/**
 * Do a command once, for one that can't be repeated.
 * @throws Fault when Redis is away or refuses.
 */
export async function attempt<T>(command: () => Promise<T>): Promise<T> {
  const began = redisCalls.begin();
  try {
    const answer = await command();
    redisCalls.end(began, 'answered');
    return answer;
  } catch (error) {
    redisCalls.end(began, 'refused');
    throw faultOf(error);
  }
}

/**
 * Make a call part of the trace, if there is one.
 * @param name - what the trace calls it.
 */
export function traced<T>(name: string, call: () => Promise<T>): Promise<T> {
  const { trace } = redisCalls;
  return trace === undefined ? call() : trace(name, call);
}

/** Makes a fault of an error of Redis. Its message holds the error's code alone. */
export function faultOf(error: unknown): Fault {
  // Within a script, Redis gives it no code of its own.
  const message =
    redisFaultOf(error)?.name === 'no_rights' ? 'NOPERM' : error instanceof Error ? error.message : '';
  return new Fault(`redis: ${message.split(' ', 1)[0]}`, error);
}
