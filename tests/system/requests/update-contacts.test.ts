/** `update`: which contacts of a profile are notified, and with what. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom } from '../../../src/etf/index.ts';
import { askFields as ask, friends, hold } from '../../harness/address-books.ts';
import { startHarness } from '../../harness/harness.ts';
import { contact, elementsOf, profile, roster } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const minutes = (count: number) => count * 60_000;

test('every device of a friend gets the contact with the new time and presence, and finds it in the roster', async () => {
  const [phone, friend] = await friends(harness);
  const tablet = await harness.phone({ number: friend.number });
  const update = Date.now() + minutes(1);
  await ask(phone, 'update', { update, presence: atom('away') });
  await harness.idle();
  const entry = contact({ phoneId: `${phone.number}_1`, update, presence: atom('away') });
  assert.deepEqual(await friend.newNotices(), [entry]);
  assert.deepEqual(await tablet.newNotices(), [entry]);
  assert.deepEqual((await ask(friend, 'get')).rosters, [roster({ id: 2, userlist: [entry] })]);
});

test('all other fields of the friend’s contact stay as they are', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  await hold(phone, 1, `${friend.number}_2`);
  const kept = {
    phoneId: `${phone.number}_1`,
    names: 'Сашко',
    settings: [atom('pinned')],
    lastMessage: [1, 2],
  };
  await ask(friend, 'set', {
    rosters: [roster({ id: 2, userlist: [contact({ ...kept, status: atom('friend') })] })],
  });
  const update = Date.now() + minutes(1);
  await ask(phone, 'update', { update });
  await harness.idle();
  const entry = contact({ ...kept, status: atom('friend'), update });
  assert.deepEqual(await friend.newNotices(), [entry]);
});

test('an older time still notifies the friends, of the stored one', async () => {
  const [phone, friend] = await friends(harness);
  const { update } = await ask(phone, 'update', { update: 5, presence: atom('online') });
  await harness.idle();
  const entry = contact({ phoneId: `${phone.number}_1`, update: update ?? 0, presence: atom('online') });
  assert.deepEqual(await friend.newNotices(), [entry]);
});

test('a stranger, who is a contact of the profile but does not have it, gets nothing and keeps its data', async () => {
  const [phone, stranger, blank] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await hold(stranger, 2, '380670000001_1');
  const before = await ask(stranger, 'get');
  await hold(phone, 1, `${stranger.number}_2`, `${stranger.number}_7`, `${blank.number}_1`);
  await ask(phone, 'update', { update: Date.now() + minutes(1) });
  await harness.idle();
  assert.deepEqual(await stranger.newNotices(), []);
  assert.deepEqual(await blank.newNotices(), []);
  assert.deepEqual(await ask(stranger, 'get'), before);
  assert.equal(await harness.database.exists(`profile:{${blank.number}}`, `contacts:{${blank.number}}`), 0);
});

test('a phone with the profile under another roster’s id, or itself under another, gets nothing', async () => {
  const [phone, one, two] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await hold(phone, 1, `${one.number}_2`, `${two.number}_2`);
  await hold(one, 2, `${phone.number}_9`);
  await hold(two, 9, `${phone.number}_1`);
  await ask(phone, 'update', { update: Date.now() + minutes(1) });
  await harness.idle();
  assert.deepEqual(await one.newNotices(), []);
  assert.deepEqual(await two.newNotices(), []);
});

test('a phone that has the profile, but is not its contact, gets nothing', async () => {
  const [phone, admirer] = [await harness.phone(), await harness.phone()];
  await hold(phone, 1);
  await hold(admirer, 2, `${phone.number}_1`);
  await ask(phone, 'update', { update: Date.now() + minutes(1) });
  await harness.idle();
  assert.deepEqual(await admirer.newNotices(), []);
});

test('rosters that are integers have no contacts; the others beside them have', async () => {
  const [phone, friend] = await friends(harness);
  const rosters = [5, roster({ id: 1, userlist: [contact({ phoneId: `${friend.number}_2` })] }), 6];
  await ask(phone, 'set', { rosters });
  const update = Date.now() + minutes(1);
  assert.deepEqual((await ask(phone, 'update', { update })).rosters, rosters);
  await harness.idle();
  assert.deepEqual(await friend.newNotices(), [contact({ phoneId: `${phone.number}_1`, update })]);
  await ask(phone, 'set', { rosters: [5, 6] });
  await ask(phone, 'update', { update: update + 1 });
  await harness.idle();
  assert.deepEqual(await friend.newNotices(), []);
});

test('a phone_id without a phone belongs to nobody: the update goes on for the others', async () => {
  const [phone, friend] = await friends(harness);
  await hold(
    phone,
    1,
    'nobody',
    '_1',
    '380_1',
    `${friend.number}`,
    `+${friend.number}_2`,
    `${friend.number}_2`,
  );
  await ask(phone, 'update', { presence: atom('online') });
  await harness.idle();
  assert.equal((await friend.newNotices()).length, 1);
});

test('each pair of rosters in which two phones have each other gets its own notice', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  const held = (id: number, ...ids: string[]) =>
    roster({ id, userlist: ids.map((phoneId) => contact({ phoneId })) });
  await ask(phone, 'set', { rosters: [held(1, `${friend.number}_3`), held(2, `${friend.number}_3`)] });
  await ask(friend, 'set', { rosters: [held(3, `${phone.number}_1`, `${phone.number}_2`)] });
  const update = Date.now() + minutes(1);
  await ask(phone, 'update', { update });
  await harness.idle();
  const entries = [1, 2].map((id) => contact({ phoneId: `${phone.number}_${id}`, update }));
  assert.deepEqual(new Set(await friend.newNotices()), new Set(entries));
});

test('two rosters of one profile that name each other: the notice is on the phone’s own topic', async () => {
  const phone = await harness.phone();
  const held = (id: number, other: number) =>
    roster({ id, userlist: [contact({ phoneId: `${phone.number}_${other}` })] });
  await ask(phone, 'set', { rosters: [held(1, 2), held(2, 1)] });
  const update = Date.now() + minutes(1);
  await ask(phone, 'update', { update });
  await harness.idle();
  const entries = [1, 2].map((id) => contact({ phoneId: `${phone.number}_${id}`, update }));
  assert.deepEqual(new Set(await phone.newNotices()), new Set(entries));
});

test('an update of a profile with 1,000 contacts changes and notifies all of them, each once', async () => {
  const phone = await harness.phone();
  const others = await Promise.all(Array.from({ length: 4 }, () => harness.phone()));
  const ids = Array.from({ length: 250 }, (_, n) => n + 1);
  for (const other of others) {
    const rosters = ids.map((id) => roster({ id, userlist: [contact({ phoneId: `${phone.number}_1` })] }));
    await ask(other, 'set', { rosters });
  }
  await hold(phone, 1, ...others.flatMap(({ number }) => ids.map((id) => `${number}_${id}`)));
  const update = Date.now() + minutes(1);
  await ask(phone, 'update', { update });
  await harness.idle();
  const entry = contact({ phoneId: `${phone.number}_1`, update });
  for (const other of others) {
    assert.deepEqual(await other.newNotices(), Array(250).fill(entry));
    const rosters = ids.map((id) => roster({ id, userlist: [entry] }));
    assert.deepEqual((await ask(other, 'get')).rosters, rosters);
  }
});

test('two devices that update at once through two workers: the friend’s entry ends equal to the profile', async () => {
  const [phone, friend] = await friends(harness);
  const tablet = await harness.phone({ number: phone.number });
  const from = Date.now();
  for (let round = 0; round < 10; round++) {
    for (const device of [phone, tablet]) {
      const presence = atom(`${device.client}-${round}`);
      const update = from + 10 * round + (device === phone ? 1 : 2);
      await device.send(profile({ phone: phone.number, update, presence, status: 'update' }), { qos: 1 });
    }
  }
  for (const device of [phone, tablet]) for (let round = 0; round < 10; round++) await device.take();
  await harness.idle();
  const { update, presence } = await ask(phone, 'get');
  assert.ok(update !== undefined && presence !== undefined);
  const entry = contact({ phoneId: `${phone.number}_1`, update, presence });
  assert.deepEqual(elementsOf((await ask(friend, 'get')).rosters), [roster({ id: 2, userlist: [entry] })]);
  assert.deepEqual((await friend.newNotices()).at(-1), entry);
});
