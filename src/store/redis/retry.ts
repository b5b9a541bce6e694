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

/**
 * Redis refuses so until somebody mends it. Another worker may be let in meanwhile, and takes over what this one cannot do:
 * so the command is done again for a while. After that, a client is better off with an answer.
 */
const refusals: ReadonlySet<RedisFaultName> = new Set(['no_rights', 'full', 'disk']);

/** So long a refusal is taken for one that passes, from its first. */
const patienceMs = 10_000;

/** A refusal that was not met for so long begins again. */
const forgottenMs = 15_000;

/** When each refusal was met, first and last. */
const met = new Map<RedisFaultName, { readonly first: number; last: number }>();

function mayPass(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  if (transientReply.test(message) || transientError.test(message)) return true;
  const name = redisFaultOf(error)?.name;
  if (name === undefined) return false;
  // Nobody is let in, or nothing works: the request waits.
  if (!refusals.has(name)) return true;
  const now = performance.now();
  const known = met.get(name);
  const refusal = known && now - known.last < forgottenMs ? known : { first: now, last: now };
  refusal.last = now;
  met.set(name, refusal);
  return now - refusal.first < patienceMs;
}

/**
 * Do a repeatable command until Redis has answered it: what fails because the server is away, starting, failing over
 * or moving a slot is done again after a pause. What it refuses to this worker is done again for 10 s.
 * @param name - what a trace calls it.
 * @throws Fault when Redis answers with any other error.
 */
export function withRetry<T>(command: () => Promise<T>, name = 'read or write'): Promise<T> {
  return traced(name, () => withRetryUntraced(command));
}

/** The same, outside of any trace: for a command that does the work of several requests. */
export async function withRetryUntraced<T>(command: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
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
