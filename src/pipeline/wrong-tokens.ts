import { TokenBuckets } from '../lib/token-buckets.ts';

/** Limits the answers to requests with a wrong token. The client that such a request names receives them. */
export interface WrongTokenLimiter {
  /** Whether a wrong token for a client is left without an answer; counts it. */
  isLimited(client: string): boolean;
}

/** Answers for one client. */
const ofClient = { perSecond: 1 / 6, burst: 10 };

/** Answers of this worker, for all clients. */
const ofWorker = { perSecond: 100, burst: 1_000 };

/** More than can be less than full: a bucket is full after a minute, and the worker opens 7,000 until then. */
const MAX_CLIENTS = 10_000;

/**
 * @param counted - hears of each wrong token whether it is answered.
 * @param now - milliseconds from anywhere, for tests.
 */
export function openWrongTokenLimiter(
  counted: (isAnswered: boolean) => void,
  now: () => number = () => performance.now(),
): WrongTokenLimiter & { readonly size: number } {
  const clients = new TokenBuckets({ ...ofClient, max: MAX_CLIENTS });
  const worker = new TokenBuckets({ ...ofWorker, max: 1 });
  return {
    isLimited(client) {
      const at = now();
      // In this order: a client beyond its own bound takes nothing from others, and the worker's bounds how many are kept.
      const isAnswered = clients.has(client, at) && worker.take('', at) && clients.take(client, at);
      counted(isAnswered);
      return !isAnswered;
    },
    get size() {
      return clients.size;
    },
  };
}
