/**
 * A client that is signed out, or whose session moved, gets no data by a repeated request, neither sent again nor
 * redelivered.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { atom, decode, type Term } from '../../src/etf/index.ts';
import { type RequestKind, requestKinds } from '../../src/handlers/index.ts';
import { carryOut as handle, openStoresOf, requestOf } from '../harness/direct-calls.ts';
import { PUBACK } from '../harness/framing.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { type RelayedHarness, startRelayedHarness } from '../harness/relayed-worker.ts';
import { success } from '../harness/services-fixture.ts';
import { feature, fieldsOf, profile, refusal, service } from '../harness/terms.ts';

const notAuthorized = refusal('not_authorized');
const correlationData = Buffer.from([1]);

let own: RelayedHarness;
const open = async (settings: Record<string, string> = {}) => {
  own = await startRelayedHarness(settings);
};
const close = () => own.stop();

/** What happens to a client between its request and the repeat. */
const changes = [
  'its session ends',
  'its session moves to another phone',
  'its number has a new owner',
] as const;
type Change = (typeof changes)[number];

/** A client, its request, and what happens to it. */
interface Case {
  readonly kind: RequestKind;
  readonly change: Change;
  readonly phone: Phone;
  readonly asked: Term;
  /** The number that the request names: the phone's own, except with `migrate`. */
  readonly named: string;
}

const secret = feature('NOTE', 'only for this phone');

/** A client that may send this request, with all the data that it needs. */
async function prepare(kind: RequestKind, change: Change): Promise<Case> {
  const phone = await own.harness.phone();
  const target = await own.harness.phone();
  const old = kind === 'phone' ? target : phone;
  await old.ask(profile({ phone: old.number, settings: [secret], status: 'set' }));
  if (kind === 'phone') await old.ask(profile({ phone: phone.number, status: 'migrate' }));
  const named = kind === 'migrate' ? target.number : phone.number;
  const services = [service({ id: `of-${phone.number}@example.org`, type: atom('email'), data: '123456' })];
  const isMail = kind === 'link' || kind === 'email';
  const asked = profile({ phone: named, update: Date.now(), ...(isMail && { services }), status: kind });
  return { kind, change, phone, asked, named };
}

async function carryOut({ change, phone: { client, number } }: Case): Promise<void> {
  await own.harness.database.srem(`sessions:{${number}}`, client);
  if (change === 'its session moves to another phone') return own.harness.signIn(client, `77${number}`);
  await own.harness.database.del(`session:${client}`);
  if (change === 'its session ends') return;
  const next = await own.harness.phone({ number });
  fieldsOf(await next.ask(profile({ phone: number, presence: atom('next'), status: 'set' })));
}

/** Only a redelivered request that ended its own session gets its recorded answer. */
function expected({ kind, change, named }: Case, isRedelivered: boolean): Term {
  if (kind === 'remove' && isRedelivered) return profile({ phone: named, status: 'remove' });
  // The session authorizes the request, but not the answer to another phone's request.
  if (kind === 'migrate' && change === 'its session moves to another phone')
    return isRedelivered ? success('migration') : refusal('not_found');
  return notAuthorized;
}

async function assertNextIsUntouched({ change, phone }: Case): Promise<void> {
  if (change !== 'its number has a new owner') return;
  assert.equal(
    (await own.harness.database.hgetBuffer(`profile:{${phone.number}}`, 'presence'))?.includes('next'),
    true,
  );
  const clients = await own.harness.database.smembers(`sessions:{${phone.number}}`);
  assert.ok(clients.length > 0 && !clients.includes(phone.client));
}

describe('a client sends its request again, with the same Correlation Data', () => {
  before(() => open());
  after(close);

  for (const kind of requestKinds)
    for (const change of changes)
      test(`${kind}, ${change}`, async () => {
        const one = await prepare(kind, change);
        const options = { properties: { correlationData } };
        assert.notDeepEqual(await one.phone.ask(one.asked, options), notAuthorized);
        await own.harness.idle();
        await carryOut(one);
        assert.deepEqual(await one.phone.ask(one.asked, options), expected(one, false));
        await assertNextIsUntouched(one);
      });
});

describe('the broker redelivers a request whose acknowledgement it did not get', () => {
  const cases: Case[] = [];
  const first = new Map<Case, Term>();
  const again = new Map<Case, Term>();
  before(async () => {
    await open();
    for (const kind of requestKinds) for (const change of changes) cases.push(await prepare(kind, change));
    await own.worker.idle();
    const lost = own.relay.lost;
    own.relay.lose(PUBACK);
    for (const each of cases) first.set(each, await each.phone.ask(each.asked));
    await eventually('all acknowledgements are lost', () => own.relay.lost >= lost + cases.length);
    own.relay.lose();
    for (const each of cases) await carryOut(each);
    await own.worker.idle();
    for (const { phone } of cases) {
      await phone.fence();
      phone.answers.splice(0); // the answers of `remove` and `phone` to other clients
    }
    await own.worker.process.kill('SIGKILL');
    await own.worker.process.restart();
    for (const each of cases) again.set(each, decode((await each.phone.take()).payload));
    assert.equal(await own.worker.metric('profile_redeliveries_total'), cases.length);
  });
  after(close);

  for (const [at, [kind, change]] of requestKinds
    .flatMap((kind) => changes.map((change) => [kind, change] as const))
    .entries())
    test(`${kind}, ${change}`, async () => {
      const one = cases[at];
      assert.ok(one);
      assert.notDeepEqual(first.get(one), notAuthorized);
      assert.deepEqual(again.get(one), expected(one, true));
      await one.phone.fence();
      assert.deepEqual(one.phone.answers, []);
      await assertNextIsUntouched(one);
    });
});

describe('with tokens', () => {
  before(() => open({ CLIENT_IDENTITY: 'token' }));
  after(close);

  test('a repeat that is answered from its record needs the token, like any request', async () => {
    const phone = await own.harness.phone({ token: 'right' });
    const set = profile({ phone: phone.number, settings: [secret], status: 'set' });
    const ask = (token: string) =>
      phone.ask(set, {
        topic: `events/1//api/anon/${phone.client}/${token}`,
        properties: { correlationData },
      });
    const answer = fieldsOf(await ask('right'));
    assert.deepEqual(await ask('wrong'), notAuthorized);
    assert.equal(fieldsOf(await ask('right')).update, answer.update);
  });
});

describe('another worker decides the same request while this one is about to refuse it', () => {
  before(() => open());
  after(close);

  test('the client is signed out by then: it does not receive the present profile', async () => {
    const { stores, close: closeStores } = await openStoresOf(own.harness);
    const phone = await own.harness.phone();
    const { number, client } = phone;
    const asked = profile({ phone: number, update: Date.now(), status: 'update' });
    const request = requestOf(phone, asked);
    fieldsOf(await phone.ask(profile({ phone: number, settings: [secret], status: 'set' })));
    await stores.idempotencyRecords.recordRefusal(request.ref, request.ref, 'ok');
    await own.harness.database.del(`session:${client}`);
    const { answers } = await handle(request, stores);
    assert.deepEqual(
      answers.map(({ payload }) => decode(payload)),
      [notAuthorized],
    );
    await closeStores();
  });
});
