/** The payloads of `npm run flood` are requests at a limit of what is read: one that is refused would attack nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growth } from '../../../bench/flood/memory.ts';
import {
  deepSettings,
  largeParts,
  linkTo,
  longGet,
  strangers,
  wideSettings,
  zippedServices,
} from '../../../bench/flood/payloads.ts';
import { rowNamed, rows } from '../../../bench/flood/rows.ts';
import { connectPacket, publishPacket } from '../../../bench/packets.ts';
import { decode, defaultLimits, encode } from '../../../src/etf/index.ts';
import { knownKinds } from '../../../src/handlers/index.ts';
import { readProfile } from '../../../src/protocol/profile.ts';

const phone = '380501112233';
const payloads: Record<string, Buffer> = {
  zipped: zippedServices(phone),
  deep: deepSettings(phone),
  wide: wideSettings(phone),
  'bytes-read': longGet(phone),
  'fan-out': strangers(phone, 4_000),
  mail: linkTo(phone, 'a@example.org'),
};
for (const [index, part] of largeParts.entries())
  payloads[`unread, part ${index + 1}`] = part(phone, 1_000_000);

for (const [name, payload] of Object.entries(payloads))
  test(`${name}: the worker reads it`, () => {
    assert.notEqual(typeof readProfile(payload, defaultLimits, knownKinds), 'string');
  });

test('what is to be long is near the limit of 256 KiB, and what is zipped is short', () => {
  for (const name of ['wide', 'bytes-read']) assert.ok((payloads[name]?.length ?? 0) > 200_000, name);
  const [services, parts] = [payloads.zipped, [1, 2, 3].map((part) => payloads[`unread, part ${part}`])];
  for (const zipped of [services, ...parts]) assert.ok((zipped?.length ?? Infinity) < 2_000);
  assert.ok(encode(decode(services ?? Buffer.alloc(0))).length > 200_000);
});

test('rows have names of their own, and an unknown one is refused', () => {
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  assert.equal(rowNamed('unread').name, 'unread');
  assert.throws(() => rowNamed('nothing'), /there is no row nothing: count, zipped/);
});

test('memory that shrinks has not grown', () => {
  const before = { broker: 10, redis: 20, workers: 90 };
  const grown = { broker: 5, redis: 0, workers: 10 };
  assert.deepEqual(growth(before, { broker: 15, redis: 19, workers: 100 }), grown);
});

test('a CONNECT with login and will, and a retained PUBLISH, byte for byte', () => {
  const will = { topic: 't', payload: Buffer.from('w'), retain: true };
  const connect = connectPacket('c', { login: { username: 'u', password: 'p' }, will, clean: false });
  assert.equal(
    connect.toString('latin1'),
    '\x10\x19\0\x04MQTT\x04\xec\0\0\0\x01c\0\x01t\0\x01w\0\x01u\0\x01p',
  );
  assert.equal(connectPacket('c').toString('latin1'), '\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01c');
  const publish = publishPacket('t', Buffer.from('x'), { retain: true });
  assert.equal(publish.toString('latin1'), '\x33\x06\0\x01t\0\x01x');
  assert.equal(publishPacket('t', Buffer.from('x'), { qos: 0 }).toString('latin1'), '\x30\x04\0\x01tx');
});
