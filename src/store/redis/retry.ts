import { setTimeout as sleep } from 'node:timers/promises';
import { redisCalls } from './calls.ts';
import { retryDelayMs } from './connect.ts';
import { Fault } from './fault.ts';

/** Redis says these while it starts, fails over or moves a slot; the same command works a moment later. */
const transientReply =
  /^(LOADING|MASTERDOWN|READONLY|TRYAGAIN|CLUSTERDOWN|MOVED|ASK|UNBLOCKED|NOREPLICAS|BUSY) |-READONLY /;

/** The client says these without a server, or when slots have moved since it put commands together. */
const transientError =
  /Connection is closed|Connection (closed|lost)|aborted|ECONN|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ETIMEDOUT|ENOTFOUND|Socket timeout|failed to refresh|max retries|Too many Cluster redirections|None of startup nodes|is disconnected|All keys in the pipeline/i;

const isTransientMessage = (message: string): boolean =>
  transientReply.test(message) || transientError.test(message);

/**
 * Do a repeatable command until Redis has answered it: what fails because the server is away, starting, failing over
 * or moving a slot is done again after a pause.
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
      const message = error instanceof Error ? error.message : '';
      const isTransient = isTransientMessage(message);
      redisCalls.end(began, isTransient ? 'repeated' : 'refused');
      if (!isTransient) throw faultOf(error);
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
  const message = error instanceof Error ? error.message : '';
  return new Fault(`redis: ${message.split(' ', 1)[0]}`, error);
}
