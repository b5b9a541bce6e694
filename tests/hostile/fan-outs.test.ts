/** Many updates of profiles with many contacts: they hold no places in the in-flight window, and are told once for many. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom } from '../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { contact, fieldsOf, profile, roster } from '../harness/terms.ts';

const harness = await startHarness({ workers: 2, settings: { MQTT_RECEIVE_MAXIMUM: '16' } });
after(() => harness.stop());

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

/** How often Redis has carried out a command, also those of scripts. */
async function calls(command: string): Promise<number> {
  const stats = await harness.database.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

test('500 updates of a phone with 4,000 contacts cost few passes, and the contacts hear the last', async () => {
  const [phone, friend] = await friends();
  const mutual = contact({ phoneId: `${friend.number}_2` });
  const userlist = [mutual, ...strangers.map((phoneId) => contact({ phoneId }))];
  await set(phone, [roster({ id: 1, userlist })]);
  await harness.database.config('RESETSTAT');
  const first = Date.now() + 60_000;
  for (let count = 0; count < 500; count++) await phone.send(update(phone, first + count), { qos: 1 });
  await eventually('all are answered', () => phone.answers.length === 500);
  await harness.idle();
  // A contact that is read costs one HGET. Passes that fold cost 4,000 each; one for each update would cost 2,000,000.
  const read = await calls('hget');
  assert.ok(read < 40_000, `${read} HGETs`);
  const notices = await friend.newNotices();
  const last = contact({ phoneId: `${phone.number}_1`, update: first + 499, presence: atom('online') });
  assert.deepEqual(notices.at(-1), last);
  phone.answers.length = 0;
});

test('while phones with 4,000 contacts are told, more of them than the window has places, others are answered and told', async () => {
  const attackers = await Promise.all(Array.from({ length: 40 }, () => harness.phone()));
  const userlist = strangers.map((phoneId) => contact({ phoneId }));
  for (const attacker of attackers) await set(attacker, [roster({ id: 1, userlist })]);
  const [phone, friend] = await friends();
  const time = Date.now() + 60_000;
  await Promise.all(attackers.map((attacker) => attacker.send(update(attacker, time), { qos: 1 })));
  await eventually('the attackers are answered', () => attackers.every(({ answers }) => answers.length > 0));
  assert.ok(
    (await harness.database.zcard('fan-outs')) > 32,
    'more phones are being told than requests fit in flight',
  );
  fieldsOf(await phone.ask(update(phone, time)));
  await eventually('the friend has heard', () => friend.notices.length > 0);
  assert.ok((await harness.database.zcard('fan-outs')) > 0, 'the attackers’ contacts have not all heard yet');
  await harness.idle();
});
