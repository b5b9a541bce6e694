/** What is known of a request that ended three workers, whichever record says it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Delivery } from '../../../src/mqtt/connection.ts';
import { hasRecord, keysOf } from '../../../src/pipeline/idempotency.ts';
import { newRecord } from '../../../src/store/idempotency-records.ts';
import { openStoresOf } from '../../harness/direct-calls.ts';
import { startHarness } from '../../harness/harness.ts';

const harness = await startHarness({ workers: 0 });
const { stores, close } = await openStoresOf(harness);
after(async () => {
  await close();
  await harness.stop();
});

let packets = 0;

/** A delivery that came before, unlike all others. */
function delivery(correlationData?: Buffer): Delivery {
  const broker = { session: 'session' };
  const payload = Buffer.from('payload');
  const fields = { broker, packetId: ++packets, payload, correlationData, redelivered: true };
  return fields as unknown as Delivery;
}

test('a migrate is refused at the phone that asks, not at the one that it names', async () => {
  const [phone, named] = [await harness.phone(), '380509998877'];
  const refused = delivery(Buffer.from('data'));
  const { delivery: key } = keysOf(refused, phone.client);
  const before = await hasRecord(stores, refused, phone.client, named);
  await stores.idempotencyRecords.recordRefusal(
    { phone: phone.number, key, record: '' },
    { key, record: '' },
    'refused:already_exists',
  );
  assert.deepEqual([before, await hasRecord(stores, refused, phone.client, named)], [false, true]);
  assert.equal(await hasRecord(stores, delivery(), phone.client, named), false);
});

for (const which of ['request', 'delivery'] as const) {
  test(`a record of the version before counts, of the ${which}`, async () => {
    const phone = await harness.phone();
    const done = delivery(Buffer.from('data'));
    const { [which]: key } = keysOf(done, phone.client);
    assert.equal(await hasRecord(stores, done, phone.client, phone.number), false);
    await harness.database.set(`done:{${phone.number}}:${key}`, newRecord('ok'), 'EX', 60);
    assert.equal(await hasRecord(stores, done, phone.client, phone.number), true);
  });
}
