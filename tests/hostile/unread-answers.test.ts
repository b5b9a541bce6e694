/** A client that asks for its large profile again and again, and reads no answer: the broker keeps little for it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { largeParts, request } from '../../bench/flood/payloads.ts';
import { isProfile } from '../../bench/flood/session.ts';
import { Device } from '../../bench/load/device.ts';
import { residentBytes } from '../../bench/load/usage.ts';
import { publishPacket } from '../../bench/packets.ts';
import { startHarness } from '../harness/harness.ts';
import { fieldsOf, profile } from '../harness/terms.ts';

const ASKED = 400;
const MAX_BYTES = 64 * 2 ** 20;

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

test('400 answers of most of a megabyte that nobody reads: less than 64 MB in broker and workers; others are answered', async () => {
  const { broker, workers } = harness;
  const [client, phone] = ['reads-nothing', '380671112233'];
  await harness.signIn(client, phone);
  const device = await Device.connect({ host: '127.0.0.1', port: broker.port }, client, {
    qos: 1,
    numbers: [],
  });
  device.onBroken = () => undefined; // the broker may cut it off
  harness.onStop(async () => device.disconnect());
  const [rosters] = largeParts;
  assert.ok(isProfile(await device.answer(rosters?.(phone, 900_000) ?? assert.fail())));
  assert.ok((await device.answer(request(phone, 'get'))).length > 900_000, 'the profile is large');

  const neighbours = await Promise.all(Array.from({ length: 10 }, () => harness.phone()));
  for (const one of neighbours) await one.ask(profile({ phone: one.number, status: 'set' }));
  await harness.idle();
  const brokerBytes = () => residentBytes(broker.pid ?? assert.fail('no broker'));
  const before = brokerBytes();

  device.pause();
  const get = publishPacket('events/1//api/anon//', request(phone, 'get'));
  for (let asked = 0; asked < ASKED; asked++) device.write(get);
  for (let round = 0; round < 10; round++)
    for (const one of neighbours) fieldsOf(await one.ask(profile({ phone: one.number, status: 'get' })));
  // Which order the workers take them in is theirs; in the end none holds any.
  await harness.idle();
  const grown = brokerBytes() - before;
  assert.ok(grown < MAX_BYTES, `the broker has grown by ${(grown / 2 ** 20).toFixed(0)} MB`);
  for (const worker of workers)
    assert.equal(
      await worker.metric('profile_in_flight'),
      0,
      'nothing waits for the client that reads nothing',
    );
});
