/** The handling of a publication at another broker than the one of its request. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { OutboxRelay } from '../../../src/failover/outbox-relay.ts';
import {
  type BrokerConnection,
  ConnectionClosed,
  type Publication,
  PublishRefused,
} from '../../../src/mqtt/connection.ts';
import { openLog } from '../../../src/telemetry/log.ts';
import { eventually } from '../../harness/eventually.ts';

const publication: Publication = { topic: 'ses/380501112233', payload: Buffer.from([131, 106]), qos: 1 };

function start(t: TestContext, keeping: 'stored' | 'busy' = 'stored') {
  const kept: string[] = [];
  const outbox = {
    keep: async (broker: string, text: string) => {
      if (keeping === 'stored') kept.push(`${broker} ${text}`);
      return keeping;
    },
    isEmpty: async () => true,
    acquireLease: async () => undefined,
    peek: async () => [],
    remove: async () => undefined,
  };
  const outboxRelay = new OutboxRelay({ outbox, brokers: [], publishTimeoutMs: 20, log: openLog('silent') });
  t.after(() => outboxRelay.stop());
  return { outboxRelay, kept };
}

function broker(connected: boolean, publish: () => Promise<void>): BrokerConnection {
  return {
    address: 'other:1883',
    state: { connected, subscribed: connected },
    publish,
  } as unknown as BrokerConnection;
}

test('a broker that accepts it ends the publication; one that refuses it is logged', async (t) => {
  const { outboxRelay, kept } = start(t);
  await outboxRelay.publish(
    broker(true, async () => undefined),
    publication,
  );
  const refusing = broker(true, () => Promise.reject(new PublishRefused(0x97)));
  await assert.rejects(outboxRelay.publish(refusing, publication), PublishRefused);
  assert.deepEqual(kept, []);
});

test('for a broker that is away, or that this side is leaving, it is stored', async (t) => {
  const { outboxRelay, kept } = start(t);
  const away = broker(false, () => assert.fail('nothing is published at a broker that is away'));
  await outboxRelay.publish(away, publication);
  const left = broker(true, () => Promise.reject(new ConnectionClosed()));
  await outboxRelay.publish(left, publication);
  const text = 'other:1883 ["ses/380501112233","g2o=",1,null,null,null]';
  assert.deepEqual(kept, [text, text]);
});

test('for a broker that is connected and accepts nothing, it is stored after a while', async (t) => {
  const { outboxRelay, kept } = start(t);
  await outboxRelay.publish(
    broker(true, () => new Promise(() => undefined)),
    publication,
  );
  assert.equal(kept.length, 1);
});

test('a publication that must not be sent later is never stored', async (t) => {
  const { outboxRelay, kept } = start(t);
  const away = broker(false, () => assert.fail('nothing is published at a broker that is away'));
  await assert.rejects(
    outboxRelay.publish(away, { ...publication, resend: false }),
    /cannot go into an outbox/,
  );
  assert.deepEqual(kept, []);
});

test('when the outbox is full, the caller is notified that this one is lost', async (t) => {
  const { outboxRelay } = start(t, 'busy');
  await assert.rejects(
    outboxRelay.publish(
      broker(false, async () => undefined),
      publication,
    ),
    /the outbox of the broker is full/,
  );
});

test('what waited in the outbox longer than its expiry is dropped, the rest has so much less left', async (t) => {
  const sent: Publication[] = [];
  const there = {
    address: 'other:1883',
    state: { connected: true, subscribed: true },
    publish: async (one: Publication) => void sent.push(one),
  };
  const entryOf = (topic: string, left: number | null) =>
    JSON.stringify([topic, '', 1, null, null, left && Date.now() + left]);
  const texts = [
    entryOf('expired', -1),
    entryOf('left', 5_000),
    entryOf('never', null),
    '["earlier","",1,null,null]',
  ];
  let kept = texts.map((text, index) => ({ entry: `${index} ${text}`, publication: text }));
  const lease = { extend: async () => true, release: async () => undefined };
  const outbox = {
    keep: async () => 'stored' as const,
    isEmpty: async () => kept.length === 0,
    acquireLease: async () => lease as never,
    peek: async () => kept,
    remove: async () => {
      kept = [];
    },
  };
  const brokers = [there, { ...there, state: { connected: false, subscribed: false } }];
  const relay = new OutboxRelay({ outbox, brokers, log: openLog('silent') });
  t.after(() => relay.stop());
  await eventually('the outbox is empty', () => kept.length === 0);
  assert.deepEqual(
    sent.map(({ topic }) => topic),
    ['left', 'never', 'earlier'],
  );
  assert.ok([4, 5].includes(sent[0]?.expirySeconds ?? 0), `${sent[0]?.expirySeconds}`);
  assert.equal(sent[1]?.expirySeconds, undefined);
});
