/** Many updates of profiles with many contacts: they hold no places in the in-flight window, and are told once for many. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom } from '../../src/etf/index.ts';
import { hearingCommands } from '../harness/commands-of-redis.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { move } from '../harness/migration.ts';
import { contact, fieldsOf, profile, roster } from '../harness/terms.ts';

const harness = await startHarness({ redis: {}, workers: 2, settings: { MQTT_RECEIVE_MAXIMUM: '16' } });
after(() => harness.stop());
const queue = `fan-outs:profile@127.0.0.1:${harness.broker.port}`;

const strangers = Array.from({ length: 4_000 }, (_, index) => `44${7_000_000_000 + index}_1`);

const set = async (phone: Phone, rosters: Parameters<typeof profile>[0]['rosters']) => {
  fieldsOf(await phone.ask(profile({ phone: phone.number, rosters, status: 'set' })));
};

const update = ({ number }: Phone, time: number) =>
  profile({ phone: number, update: time, presence: atom('online'), status: 'update' });

/** Two phones that have each other as contacts. */
async function friends(): Promise<[Phone, Phone]> {
  const [one, two] = [await harness.phone(), await harness.phone()];
  await set(one, [roster({ id: 1, userlist: [contact({ phoneId: `${two.number}_2` })] })]);
  await set(two, [roster({ id: 2, userlist: [contact({ phoneId: `${one.number}_1` })] })]);
  return [one, two];
}

/** How often Redis carries out a command on keys while something is done, by `MONITOR`, also in scripts. */
async function carriedOut(pattern: RegExp, act: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const carried = (words: string[]) => {
    if (pattern.test(words.join(' '))) count++;
  };
  await hearingCommands(harness.database, carried, act);
  return count;
}

/** Its length, and itself. */
const readContact = /^(hstrlen|hget) contacts:/i;
const passes = () => harness.metric('profile_fan_out_passes_total');

test('500 updates of a phone with 4,000 contacts cost few passes, and the contacts hear the last', async () => {
  const [phone, friend] = await friends();
  const mutual = contact({ phoneId: `${friend.number}_2` });
  const userlist = [mutual, ...strangers.map((phoneId) => contact({ phoneId }))];
  await set(phone, [roster({ id: 1, userlist })]);
  const first = Date.now() + 60_000;
  const before = await passes();
  const read = await carriedOut(readContact, async () => {
    for (let count = 0; count < 500; count++) await phone.send(update(phone, first + count), { qos: 1 });
    await eventually('all are answered', () => phone.answers.length === 500);
    await harness.idle();
  });
  const made = (await passes()) - before;
  // How many depends on the machine: a phone rests between two passes, while its changes gather.
  assert.ok(made >= 1 && made <= 50, `${made} passes`);
  // The length of each once a pass; then the friend's entry, and once more in the script that changes it.
  assert.equal(read, made * (userlist.length + 2));
  const notices = await friend.newNotices();
  assert.equal(notices.length, made);
  const last = contact({ phoneId: `${phone.number}_1`, update: first + 499, presence: atom('online') });
  assert.deepEqual(notices.at(-1), last);
  phone.answers.length = 0;
});

test('a stranger costs a look at the length, and its profile none', async () => {
  const phone = await harness.phone();
  await set(phone, [roster({ id: 1, userlist: strangers.map((phoneId) => contact({ phoneId })) })]);
  const named = await carriedOut(/^(?!evalsha ).*:\{447\d{9}\}/i, async () => {
    fieldsOf(await phone.ask(update(phone, Date.now())));
    await harness.idle();
  });
  assert.equal(named, strangers.length);
});

test('a move renames all entries that one counterparty has of the phone in one step', async () => {
  const [from, to, friend] = [await harness.phone(), await harness.phone(), await harness.phone()];
  const ids = Array.from({ length: 50 }, (_, index) => index + 1);
  const rosters = ids.map((id) => roster({ id, userlist: [contact({ phoneId: `${from.number}_1` })] }));
  await set(friend, rosters);
  const userlist = ids.map((id) => contact({ phoneId: `${friend.number}_${id}` }));
  await set(from, [roster({ id: 1, userlist })]);
  const renamed = new RegExp(`^hset profile:\\{${friend.number}\\} version .* outlines`, 'i');
  const steps = await carriedOut(renamed, () => move(harness, from, to));
  assert.equal(steps, 1);
  // Of each the old entry, as deleted, and the new one.
  assert.equal((await friend.newNotices()).length, 2 * ids.length);
});

test('a counterparty whose contacts cannot be read holds up no other, and is counted', async () => {
  const [phone, friend] = await friends();
  const broken = '441000000001';
  const userlist = [broken, friend.number].map((number) => contact({ phoneId: `${number}_2` }));
  await set(phone, [roster({ id: 1, userlist })]);
  await harness.database.set(`contacts:{${broken}}`, 'no hash');
  const before = await harness.metric('profile_skipped_contacts_total');
  fieldsOf(await phone.ask(update(phone, Date.now())));
  await harness.idle();
  assert.equal((await friend.newNotices()).length, 1);
  assert.equal((await harness.metric('profile_skipped_contacts_total')) - before, 1);
  const said = harness.workers.flatMap((worker) => worker.log());
  assert.equal(said.filter(({ msg }) => msg === 'contacts that cannot be read are not notified').length, 1);
});

test('while phones with 4,000 contacts are told, more of them than the window has places, others are answered and told', async () => {
  const attackers = await Promise.all(Array.from({ length: 64 }, () => harness.phone()));
  const userlist = strangers.map((phoneId) => contact({ phoneId }));
  for (const attacker of attackers) await set(attacker, [roster({ id: 1, userlist })]);
  const [phone, friend] = await friends();
  const time = Date.now() + 60_000;
  await Promise.all(attackers.map((attacker) => attacker.send(update(attacker, time), { qos: 1 })));
  let most = 0;
  await eventually('the attackers are answered', async () => {
    most = Math.max(most, await harness.database.zcard(queue));
    return attackers.every(({ answers }) => answers.length > 0);
  });
  assert.ok(most > 32, `more phones are being told than requests fit in flight: ${most}`);
  fieldsOf(await phone.ask(update(phone, time)));
  await eventually('the friend has heard', () => friend.notices.length > 0);
  assert.ok((await harness.database.zcard(queue)) > 0, 'the attackers’ contacts have not all heard yet');
  await harness.idle();
});
