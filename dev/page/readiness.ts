import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { WorkerAddress } from './metrics.ts';
import type { Part, Readiness } from './shapes.ts';

/** What is looked at. */
interface Watched {
  readonly redis: Redis;
  workers(): Promise<readonly WorkerAddress[]>;
}

const patienceMs = 1000;

/**
 * Watches Redis and the workers, each time that it is asked.
 * @param now - Unix milliseconds.
 * @returns asks for their state, and for how long each of them has had it; the time counts from the first call that saw it.
 */
export function watchReadiness({ redis, workers }: Watched, now = Date.now): () => Promise<Readiness> {
  const since = new Map<string, { readonly isReady: boolean; readonly atMs: number }>();
  const causesOfRedis = watchRedis(redis);
  const timed = (parts: readonly Omit<Part, 'forSeconds'>[]): Part[] =>
    parts.map((part) => {
      const isReady = part.causes.length === 0;
      const key = `${part.kind} ${part.name}`;
      const known = since.get(key);
      const start = known?.isReady === isReady ? known : { isReady, atMs: now() };
      since.set(key, start);
      return { ...part, forSeconds: Math.max(0, Math.floor((now() - start.atMs) / 1000)) };
    });
  return async () => {
    const [ofRedis, ofWorkers] = await Promise.all([causesOfRedis(), workers().then(askWorkers)]);
    const parts = timed([{ kind: 'redis', name: 'Redis', causes: ofRedis }, ...ofWorkers]);
    // A worker that is gone from the list would stay in the map for good.
    const kept = new Set(parts.map(({ kind, name }) => `${kind} ${name}`));
    for (const key of since.keys()) if (!kept.has(key)) since.delete(key);
    return parts;
  };
}

type Causes = readonly string[];

async function askWorkers(workers: readonly WorkerAddress[]): Promise<Omit<Part, 'forSeconds'>[]> {
  if (workers.length === 0) return [{ kind: 'no-worker', name: 'a worker', causes: ['none is found'] }];
  return Promise.all(
    workers.map(async ({ name, url }) => ({ kind: 'worker' as const, name, causes: await readyCauses(url) })),
  );
}

/** Reads `/readyz` of a worker: a line for each cause. */
async function readyCauses(url: string): Promise<Causes> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(patienceMs) });
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    return response.ok ? [] : lines;
  } catch {
    return ['no answer'];
  }
}

/** One PING at a time is under way: a Redis that hangs gets no queue of them. */
function watchRedis(redis: Redis): () => Promise<Causes> {
  let answer: Promise<Causes> | undefined;
  return () => {
    // A command before the connection is there would wait for it.
    if (redis.status !== 'ready' && redis.status !== 'wait') return Promise.resolve(['no connection']);
    answer ??= redis
      .ping()
      .then(
        () => [],
        () => ['no connection'],
      )
      .finally(() => {
        answer = undefined;
      });
    return Promise.race([answer, delay(patienceMs, ['no answer'])]);
  };
}
