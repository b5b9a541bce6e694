/** A worker is killed while it tells the contacts of a phone whose request is acknowledged: another one tells the rest. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { contact, fieldsOf, profile, roster } from '../../harness/terms.ts';

// No session takeover: nothing is delivered again.
const settings = { HEARTBEAT_MS: '60000', HEIR_AFTER_MS: '600000' };
const harness = await startHarness({ workers: 2, settings });
after(() => harness.stop());

const set = async (phone: Phone, rosters: Parameters<typeof profile>[0]['rosters']) => {
  fieldsOf(await phone.ask(profile({ phone: phone.number, rosters, status: 'set' })));
};

test('the contacts that have not heard hear from the worker that is left', async () => {
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

  const update = Date.now() + 60_000;
  fieldsOf(await phone.ask(profile({ phone: phone.number, update, status: 'update' })));
  const running = () =>
    Promise.all(harness.workers.map((worker) => worker.metric('profile_lane_running{lane="fan-out"}')));
  let teller = -1;
  await eventually('a worker tells them, and has acknowledged the request', async () => {
    teller = (await running()).indexOf(1);
    return teller >= 0 && (await harness.worker.metric('profile_in_flight')) === 0;
  });
  const [victim] = harness.workers.splice(teller, 1);
  await victim?.process.kill('SIGKILL');
  const heard = () => friends.reduce((sum, { notices }) => sum + notices.length, 0);
  const before = heard();
  assert.ok(before < 2_000, 'some have not heard yet');

  await harness.idle();
  for (const friend of friends) {
    const told = await friend.newNotices();
    assert.ok(told.length >= ids.length);
    assert.ok(told.length < 2 * ids.length, 'not all of them hear twice');
  }
  await victim?.process.stop();
});
