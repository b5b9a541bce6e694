/** A worker is killed while it tells the contacts of a phone whose request is acknowledged: another one tells the rest. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { contact, fieldsOf, profile, roster } from '../../harness/terms.ts';

// No session takeover: nothing is delivered again.
const settings = { HEARTBEAT_MS: '60000', HEIR_AFTER_MS: '600000' };
const harness = await startHarness({ settings });
after(() => harness.stop());

const set = async (phone: Phone, rosters: Parameters<typeof profile>[0]['rosters']) => {
  fieldsOf(await phone.ask(profile({ phone: phone.number, rosters, status: 'set' })));
};

test('the contacts that have not heard hear from another worker', async () => {
  const phone = await harness.phone();
  const friends = await Promise.all(Array.from({ length: 4 }, () => harness.phone()));
  const ids = Array.from({ length: 500 }, (_, index) => index + 1);
  for (const friend of friends)
    await set(
      friend,
      ids.map((id) => roster({ id, userlist: [contact({ phoneId: `${phone.number}_1` })] })),
    );
  const userlist = friends.flatMap(({ number }) => ids.map((id) => contact({ phoneId: `${number}_${id}` })));
  await set(phone, [roster({ id: 1, userlist })]);

  const [victim] = harness.workers.splice(0, 1);
  assert.ok(victim);
  const firstNotice = new Promise<void>((resolve) => {
    for (const { mqtt } of friends) mqtt.once('message', () => resolve());
  });
  const killed = firstNotice.then(() => victim.process.kill('SIGKILL'));
  const update = Date.now() + 60_000;
  fieldsOf(await phone.ask(profile({ phone: phone.number, update, status: 'update' })));
  await killed;
  const before = friends.reduce((sum, { notices }) => sum + notices.length, 0);
  assert.ok(before < 2_000, 'some have not heard yet');
  await harness.startWorker();

  await harness.idle();
  for (const friend of friends) {
    const told = await friend.newNotices();
    assert.ok(told.length >= ids.length);
    assert.ok(told.length < 2 * ids.length, 'not all of them hear twice');
  }
  await victim.process.stop();
});
