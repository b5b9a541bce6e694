/** Offline by will: a phone that drops off has `update` with presence `offline` published for it by the broker. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { IClientOptions } from 'mqtt';
import { atom, encode, print } from '../../../src/etf/index.ts';
import { askFields } from '../../harness/address-books.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { contact, profile, roster } from '../../harness/terms.ts';

const harness = await startHarness();
after(() => harness.stop());

let phones = 0;

/** A phone with a friend, which has its last word in a will on the topic that clients in the field publish to. */
async function mortal(mqtt: IClientOptions, will: Partial<NonNullable<IClientOptions['will']>> = {}) {
  const number = `38063${1_000_000 + ++phones}`;
  const friend = await harness.phone();
  const payload = encode(profile({ phone: number, presence: atom('offline'), status: 'update' }));
  const phone = await harness.phone({
    number,
    mqtt: { ...mqtt, will: { topic: 'events/1//api/anon//', payload, qos: 1, retain: false, ...will } },
  });
  const entry = (of: Phone) => contact({ phoneId: `${of.number}_1`, status: atom('friend') });
  await friend.ask(
    profile({ phone: friend.number, rosters: [roster({ userlist: [entry(phone)] })], status: 'set' }),
  );
  await phone.ask(
    profile({ phone: number, rosters: [roster({ userlist: [entry(friend)] })], status: 'set' }),
  );
  await askFields(phone, 'update', { presence: atom('online') });
  await eventually('the friend hears of the phone', () => friend.notices.length > 0);
  friend.notices.splice(0);
  return { phone, friend, number };
}

async function assertOffline(number: string, friend: Phone): Promise<void> {
  await eventually('the friend hears that the phone is offline', () => friend.notices.length > 0);
  assert.match(print((await friend.newNotices())[0] ?? []), /,offline,friend\}$/);
  const again = await harness.phone({ number });
  assert.deepEqual((await askFields(again, 'get')).presence, atom('offline'));
}

for (const protocolVersion of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    test(`MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}, will at QoS ${qos}: who drops off is offline for its friends`, async () => {
      const { phone, friend, number } = await mortal({ protocolVersion }, { qos });
      phone.mqtt.stream.destroy();
      await assertOffline(number, friend);
    });
  }
}

test('with a will delay it is offline once that has passed', async () => {
  const { phone, friend, number } = await mortal(
    { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 60 } },
    { properties: { willDelayInterval: 1 } },
  );
  phone.mqtt.stream.destroy();
  await assertOffline(number, friend);
});

test('who says goodbye is not: DISCONNECT discards the will', async () => {
  const { phone, friend, number } = await mortal({});
  await phone.mqtt.endAsync();
  await harness.idle();
  assert.deepEqual(await friend.newNotices(), []);
  const again = await harness.phone({ number });
  assert.deepEqual((await askFields(again, 'get')).presence, atom('online'));
});

test('a will for another phone changes nothing', async () => {
  const { friend, number } = await mortal({});
  const forger = await harness.phone({
    mqtt: {
      will: {
        topic: 'events/1//api/anon//',
        payload: encode(profile({ phone: number, presence: atom('offline'), status: 'update' })),
        qos: 1,
        retain: false,
      },
    },
  });
  const refused = 'profile_requests_total{kind="update",result="not_authorized",lane="fan-out"}';
  const before = await harness.metric(refused);
  forger.mqtt.stream.destroy();
  await eventually('the will was taken', async () => (await harness.metric(refused)) > before);
  await harness.idle();
  assert.deepEqual(await friend.newNotices(), []);
});
