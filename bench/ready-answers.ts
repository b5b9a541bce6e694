import { Redis } from 'ioredis';
import { encodeFragment } from '../src/etf/index.ts';
import { clientOf, type Kind, MAX_PHONES, phoneOf, settingsFor, workloadOf } from './workloads.ts';

const changes: readonly Kind[] = ['set', 'update', 'email'];

/** How the profiles of a contender are stored: by `set` requests, as ready answers, or as answers to changes. */
export type Seed = 'requests' | 'ready answers' | 'ready changes';

/** Stores the session of each phone, and what a contender without a codec sends. */
export async function storeReady(url: string, contacts: number, seed: Seed): Promise<void> {
  const redis = new Redis(url);
  const pipeline = redis.pipeline();
  for (let index = 0; index < MAX_PHONES; index++) {
    const phone = phoneOf(index);
    pipeline.hset(`session:${clientOf(index)}`, 'phone', phone);
    if (seed === 'ready answers') pipeline.set(`ready:{${phone}}`, workloadOf('get', phone, contacts).answer);
    if (seed === 'ready changes') {
      const profile = { version: 'none', settings: Buffer.from(encodeFragment(settingsFor(phone))) };
      pipeline.hset(`profile:{${phone}}`, profile);
      for (const kind of changes)
        pipeline.set(`ready:{${phone}}:${kind}`, workloadOf(kind, phone, contacts).answer);
    }
  }
  await pipeline.exec();
  await redis.quit();
}
