/** `get` is the most frequent request: session and profile are read in one round trip to Redis. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Term } from '../../../src/etf/index.ts';
import { type Harness, type Phone, startHarness } from '../../harness/harness.ts';
import type { Inspect } from '../../harness/relay.ts';
import { contact, fieldsOf, profile, roster } from '../../harness/terms.ts';

interface TappedHarness {
  readonly harness: Harness;
  /** The commands of each write of the worker since the last call: each write is a round trip. */
  trips(): Promise<string[][]>;
}

/** A system whose worker reaches Redis through a tap. */
async function startTapped(t: TestContext, settings: Record<string, string> = {}): Promise<TappedHarness> {
  const harness = await startHarness({ redis: {}, workers: 0 });
  const writes: Buffer[] = [];
  t.after(() => harness.stop());
  const inspector = (): Inspect => (bytes, direction) => {
    if (direction === 'up') writes.push(bytes);
    return true;
  };
  const { url } = await harness.relay({ inspector }, harness.redis);
  // Heartbeats go to Redis too; there is one at the start, and none until the test has ended.
  const silence = { HEARTBEAT_MS: '60000', HEIR_AFTER_MS: '600000' };
  await harness.startWorker({ ...silence, ...settings, REDIS_URL: url });
  return {
    harness,
    async trips() {
      await harness.idle();
      // The work queues are looked at now and then; that belongs to no request.
      return writes
        .splice(0)
        .map(commandsOf)
        .filter((commands) => `${commands}` !== 'zrange,zcard,time');
    },
  };
}

/** A command is an array of RESP: `*<count>`, then its name. */
const commandsOf = (bytes: Buffer): string[] =>
  [...bytes.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)].map(([, name]) => name ?? '');

const get = ({ number: phone }: Phone) => profile({ phone, status: 'get' });
const set = ({ number: phone }: Phone, rosters: Term = []) => profile({ phone, rosters, status: 'set' });

test('where a token authenticates the client, a get is one round trip too', async (t) => {
  const { harness, trips } = await startTapped(t, { CLIENT_IDENTITY: 'token' });
  const phone = await harness.phone({ token: 'secret' });
  const topic = 'events/1//api/anon//secret';
  fieldsOf(await phone.ask(set(phone), { topic }));
  await trips();
  fieldsOf(await phone.ask(get(phone), { topic }));
  assert.deepEqual(await trips(), [['evalsha']]);
});

test('only the first get after a counterparty’s update needs more: it joins the rosters again', async (t) => {
  const { harness, trips } = await startTapped(t);
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  const held = (id: number, phoneId: string) => [roster({ id, userlist: [contact({ phoneId })] })];
  fieldsOf(await phone.ask(set(phone, held(1, `${friend.number}_2`))));
  fieldsOf(await friend.ask(set(friend, held(2, `${phone.number}_1`))));
  fieldsOf(await friend.ask(profile({ phone: friend.number, update: Date.now(), status: 'update' })));
  await trips();
  fieldsOf(await phone.ask(get(phone)));
  const cold = (await trips()).length;
  assert.ok(cold > 1 && cold <= 3, `${cold} round trips`);
  fieldsOf(await phone.ask(get(phone)));
  assert.deepEqual(await trips(), [['evalsha']]);
});

test('a profile with rosters of more than 16 KB needs one command more, is complete, and can be changed like any other', async (t) => {
  const { harness, trips } = await startTapped(t);
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  const strangers = Array.from({ length: 1_000 }, (_, index) =>
    contact({ phoneId: `${380671000000 + index}_1` }),
  );
  const mine = contact({ phoneId: `${friend.number}_2` });
  const rosters = [roster({ id: 1, userlist: [...strangers, mine] })];
  fieldsOf(await phone.ask(set(phone, rosters)));
  fieldsOf(
    await friend.ask(set(friend, [roster({ id: 2, userlist: [contact({ phoneId: `${phone.number}_1` })] })])),
  );
  await trips();
  assert.deepEqual(fieldsOf(await phone.ask(get(phone))).rosters, rosters);
  assert.deepEqual(await trips(), [['evalsha'], ['hmget']]);

  const time = Date.now();
  fieldsOf(await friend.ask(profile({ phone: friend.number, update: time, status: 'update' })));
  await harness.idle();
  const updated = contact({ phoneId: `${friend.number}_2`, update: time });
  assert.deepEqual(fieldsOf(await phone.ask(get(phone))).rosters, [
    roster({ id: 1, userlist: [...strangers, updated] }),
  ]);
  assert.deepEqual(fieldsOf(await phone.ask(set(phone, rosters))).rosters, rosters);
  assert.deepEqual(fieldsOf(await phone.ask(get(phone))).rosters, rosters);
});
