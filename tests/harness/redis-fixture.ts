/** Workers on a Redis that fails over, and phones that change something meanwhile. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { atom, decode } from '../../src/etf/index.ts';
import { type Database, openRedis } from '../../src/store/redis/database.ts';
import { eventually, type Harness, type Phone, startHarness } from './harness.ts';
import type { Received } from './mqtt-clients.ts';
import { signIn } from './sign-in.ts';
import { fieldsOf, profile } from './terms.ts';

/** Longer than a fail-over takes with the servers of these tests, on a busy machine. */
const failOverMs = 45_000;

export interface RedisHarness {
  readonly harness: Harness;
  readonly database: Database;
  readonly phones: readonly Phone[];
  /** Every phone asks to be in this state; done when all are answered, each with what is stored then. */
  set(presence: string): Promise<void>;
  /** Every phone is in this state, seen through the workers. */
  isStored(presence: string): Promise<void>;
  ready(): Promise<void>;
}

/** @param redis - what the two workers use; ended with the test. `ca` is the authority of its certificates, for `rediss://`. */
export async function startRedisHarness(
  t: TestContext,
  redis: { readonly url: string; readonly ca?: Buffer; stop(): Promise<void> },
  phoneCount = 20,
): Promise<RedisHarness> {
  const { url, ca } = redis;
  const harness = await startHarness({ workers: 0, settings: ca && { REDIS_CA: ca.toString() } });
  const database = openRedis(url, '', () => undefined, { ca });
  t.after(async () => {
    await Promise.all(harness.workers.map((worker) => worker.process.stop()));
    await database.close();
    await redis.stop();
    await harness.stop();
  });
  await eventually('Redis is there', () => database.state.connected);
  for (let count = 0; count < 2; count++) await harness.startWorker({ REDIS_URL: url });
  const phones: Phone[] = [];
  while (phones.length < phoneCount) {
    const phone = await harness.phone({ session: false });
    await signIn(database, phone.client, phone.number);
    phones.push(phone);
  }
  const presenceAfter = async (status: 'get' | 'set', presence: string, phone: Phone): Promise<void> => {
    const sent = status === 'set' ? { presence: atom(presence) } : {};
    // An answer may come twice in a fail-over, and the second one late.
    const correlationData = Buffer.from(`${status} ${presence}`);
    const isAnswer = ({ properties }: Received) => properties?.correlationData?.equals(correlationData);
    await phone.send(profile({ phone: phone.number, ...sent, status }), { properties: { correlationData } });
    await eventually(`${status} is answered`, () => phone.answers.some(isAnswer), failOverMs);
    const [answer] = phone.answers.splice(0).filter(isAnswer);
    assert.ok(answer);
    assert.deepEqual(fieldsOf(decode(answer.payload)).presence, atom(presence));
  };
  return {
    harness,
    database,
    phones,
    async set(presence) {
      await Promise.all(phones.map((phone) => presenceAfter('set', presence, phone)));
    },
    async isStored(presence) {
      await Promise.all(phones.map((phone) => presenceAfter('get', presence, phone)));
    },
    async ready() {
      const isReady = async () => {
        const pages = await Promise.all(harness.workers.map((worker) => worker.page('/readyz')));
        return pages.every(({ status }) => status === 200);
      };
      await eventually('all workers are ready', isReady, failOverMs);
    },
  };
}

/**
 * One worker whose own user of Redis, `worker`, may do all until `operator` takes a right away; ended with the test.
 * @param extraConfig - more lines of redis.conf.
 */
export async function startWithRights(t: TestContext, extraConfig = '') {
  const user = 'user worker on >secret ~* &* +@all';
  const harness = await startHarness({ workers: 0, redis: { extraConfig: `${user}\n${extraConfig}` } });
  t.after(() => harness.stop());
  const operator = new Redis(harness.redis.url);
  t.after(() => operator.disconnect());
  const worker = await harness.startWorker({
    REDIS_URL: harness.redis.url.replace('://', '://worker:secret@'),
  });
  return { harness, operator, worker };
}
