/** MQTT_DYNAMIC_SECURITY=on: Redis fails in the moment between a removal and the note for the broker's list of clients. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';

const harness = await startHarness({
  redis: {},
  settings: { MQTT_DYNAMIC_SECURITY: 'on', MQTT_DYNAMIC_SECURITY_SWEEP_MS: '86400000' },
});
after(() => harness.stop());

test('the removal is answered, its contacts are noted, and the worker serves on', async (t) => {
  const { worker, database } = harness;
  const list = `broker-acl:${new URL(harness.broker.url).host}`;
  const monitor = await database.monitor();
  t.after(() => monitor.disconnect());
  // The list is noted once before the sessions end. What stands there afterwards is no list.
  monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
    if (/^(DEL|UNLINK)$/i.test(command) && key.startsWith('session:'))
      void database.multi().del(list).set(list, 'no list').exec();
  });
  const hasFailed = () => worker.log().some(({ msg }) => msg === 'a request failed after its answer');
  // The worker may be faster than this test: then once more.
  await eventually('a note has failed after a removal', async () => {
    await database.del(list);
    const phone = await harness.phone();
    await phone.ask(profile({ phone: phone.number, status: 'set' }));
    const removed = await phone.ask(profile({ phone: phone.number, status: 'remove' }));
    assert.deepEqual(removed, profile({ phone: phone.number, status: 'remove' }));
    await worker.idle();
    return hasFailed();
  });
  await database.del(list);
  await harness.idle();
  const phone = await harness.phone();
  assert.deepEqual(await phone.ask(profile({ phone: phone.number, status: 'get' })), refusal('not_found'));
});
