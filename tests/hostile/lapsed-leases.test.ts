/** A worker that was frozen until its lease lapsed neither extends nor releases the lease of its successor. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startRedis } from '../../dev/servers/redis.ts';
import { OutboxRelay } from '../../src/failover/outbox-relay.ts';
import { SessionTakeover } from '../../src/failover/session-takeover.ts';
import { openWorkerRegistry, type WorkerRegistry } from '../../src/failover/worker-registry.ts';
import type { BrokerConnection } from '../../src/mqtt/connection.ts';
import type { Lease } from '../../src/store/leases.ts';
import { openOutbox } from '../../src/store/outbox.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { type Log, openLog } from '../../src/telemetry/log.ts';
import { eventually } from '../harness/eventually.ts';

let server: Awaited<ReturnType<typeof startRedis>>;
let redis: ReturnType<typeof openRedis>;
before(async () => {
  server = await startRedis();
  redis = openRedis(server.url, '', () => undefined);
  await eventually('Redis is connected', () => redis.state.connected);
});
after(async () => {
  await redis.close();
  await server.stop();
});

const fleet = 'profile@broker:1883';
const successor = 'the successor';
/** As if the lease of its holder had lapsed, and another worker had taken it. */
const pass = (key: string) => redis.connection.set(key, successor, 'PX', 60_000);

interface Holder {
  readonly key: string;
  take(forMs: number): Promise<Lease | undefined>;
}

const holders: Record<string, () => Holder> = {
  'the session of a silent worker': () => ({
    key: redis.keys.takeoverLease(fleet, 'silent'),
    take: (forMs) => openWorkerRegistry(redis, 'own', fleet).acquireLease('silent', forMs),
  }),
  'the outbox of a broker': () => ({
    key: redis.keys.outboxLease('broker:1883'),
    take: (forMs) => openOutbox(redis).acquireLease('broker:1883', forMs),
  }),
};

for (const [name, open] of Object.entries(holders)) {
  describe(`a lapsed lease on ${name}`, () => {
    test('is not released for its successor', async () => {
      const { key, take } = open();
      const lapsed = (await take(60_000)) ?? assert.fail('nobody else has it');
      await pass(key);
      await lapsed.release();
      assert.equal(await redis.connection.get(key), successor);
      assert.equal(await take(60_000), undefined);
      await redis.connection.del(key);
    });

    test('is not extended for its successor', async () => {
      const { key, take } = open();
      const lapsed = (await take(1_000_000)) ?? assert.fail('nobody else has it');
      await pass(key);
      assert.equal(await lapsed.extend(), false);
      assert.ok((await redis.connection.pttl(key)) <= 60_000);
      await redis.connection.del(key);
    });
  });
}

/** A broker session that is finished when `finish` is called, and left undone when it is closed. */
function heldSession() {
  const ended = new AbortController();
  let isClosed = false;
  const finish = () => ended.abort();
  const close = async () => {
    isClosed = true;
    finish();
  };
  const leave = () => once(ended.signal, 'abort');
  const broker = { onState: () => undefined, leave, close } as unknown as BrokerConnection;
  return { broker, finish, isClosed: () => isClosed };
}

/** A takeover of a silent worker that has begun; its lease is another worker's by now. */
async function startTakeover(heartbeatMs: number) {
  const { workers, takeoverLease } = redis.keys;
  await redis.connection.zadd(workers(fleet), 1, 'silent');
  const session = heldSession();
  let hasBegun = false;
  const takeover = new SessionTakeover({
    registry: registryThatLoses(() => {
      hasBegun = true;
    }),
    times: { heartbeatMs, silentMs: 5 * heartbeatMs },
    brokers: [],
    connectAs: () => [session.broker],
    topicOf: (worker) => `workers/profile/${worker}`,
    isAble: () => true,
    onTakeover: () => undefined,
    log: openLog('silent'),
  });
  await eventually('the takeover has begun', () => hasBegun);
  return { session, takeover, key: takeoverLease(fleet, 'silent') };
}

/** The lease passes to another worker as soon as it is taken. */
function registryThatLoses(onLost: () => void): WorkerRegistry {
  const registry = openWorkerRegistry(redis, 'own', fleet);
  return {
    ...registry,
    async acquireLease(worker, forMs) {
      const lease = await registry.acquireLease(worker, forMs);
      if (lease === undefined) return undefined;
      await pass(redis.keys.takeoverLease(fleet, worker));
      onLost();
      return lease;
    },
  };
}

describe('a takeover whose lease has lapsed', () => {
  test('ends when it would extend the lease, and leaves the rest to the successor', async () => {
    const { session, takeover, key } = await startTakeover(20);
    await eventually('it closes its connection', session.isClosed);
    await takeover.stop();
    assert.equal(await redis.connection.get(key), successor);
    assert.ok(await redis.connection.zscore(redis.keys.workers(fleet), 'silent'));
    await redis.connection.del(key);
  });

  test('does not deregister the silent worker when it is complete', async () => {
    const { session, takeover, key } = await startTakeover(100);
    session.finish();
    await takeover.stop();
    assert.equal(await redis.connection.get(key), successor);
    assert.ok(await redis.connection.zscore(redis.keys.workers(fleet), 'silent'));
    await redis.connection.del(key);
  });
});

test('a relay whose lease has lapsed removes what it has sent, and leaves the lease to the successor', async (t) => {
  const outbox = openOutbox(redis);
  const key = redis.keys.outboxLease('other:1883');
  const other = {
    address: 'other:1883',
    state: { connected: true },
    publish: () => pass(key),
  } as unknown as BrokerConnection;
  const away = { address: 'away:1883', state: { connected: false } } as unknown as BrokerConnection;
  await outbox.keep(other.address, JSON.stringify(['ses/1', 'g2o=', 1, null, null]));
  let isOver = false;
  const log = { info: () => (isOver = true), warn: (told: object) => assert.fail(JSON.stringify(told)) };
  const relay = new OutboxRelay({ outbox, brokers: [other, away], log: log as unknown as Log });
  t.after(() => relay.stop());
  await eventually('the round is over', () => isOver);
  assert.equal(await redis.connection.get(key), successor);
  assert.equal(await outbox.isEmpty(other.address), true);
});
