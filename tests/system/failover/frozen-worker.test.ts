/** A worker freezes and another takes over its session: when it resumes, its unfinished work is done already. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import { requests } from '../../../src/handlers/index.ts';
import { finish, carryOut as handle, openStoresOf, requestOf } from '../../harness/direct-calls.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { fieldsOf, profile, service } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2, settings: { HEARTBEAT_MS: '200', HEIR_AFTER_MS: '1000' } });
after(() => harness.stop());

const set = (phone: Phone, presence: string) =>
  profile({ phone: phone.number, presence: atom(presence), status: 'set' });

test('requests that wait in its socket, and that the other worker has done, are not done again', async () => {
  const victim = harness.workers[1];
  assert.ok(victim);
  // Without Correlation Data, as clients in the field: only the broker's DUP flag identifies a redelivery.
  const phones = await Promise.all(
    Array.from({ length: 12 }, () => harness.phone({ mqtt: { protocolVersion: 4 } })),
  );
  void victim.process.kill('SIGSTOP');
  await Promise.all(phones.map((phone) => phone.ask(set(phone, 'first'))));
  await Promise.all(phones.map((phone) => phone.ask(set(phone, 'second'))));
  void victim.process.kill('SIGCONT');
  await eventually('it is ready again', async () => (await victim.page('/readyz')).status === 200);
  await harness.idle();
  for (const phone of phones) {
    await phone.fence();
    phone.answers.length = 0;
    const answer = await phone.ask(profile({ phone: phone.number, status: 'get' }));
    assert.deepEqual(fieldsOf(answer).presence, atom('second'));
  }
});

test('a phone that was removed after the takeover, and has signed in again, keeps its session', async () => {
  const { stores, close } = await openStoresOf(harness);
  const phone = await harness.phone();
  await phone.ask(set(phone, 'first'));
  const stored = await stores.profiles.read(phone.number);
  const request = requestOf(phone, profile({ phone: phone.number, status: 'remove' }), { stored });
  const carryOut = async () => {
    await finish(await handle(request, stores), stores);
  };
  await carryOut();
  assert.equal(await stores.sessions.phoneOf(phone.client), undefined);
  await harness.signIn(phone.client, phone.number);
  await carryOut();
  assert.equal(await stores.sessions.phoneOf(phone.client), phone.number);
  await close();
});

test('a client that has signed in again keeps its session, also when the worker froze while it ended the one before', async () => {
  const { stores, close } = await openStoresOf(harness);
  const [phone, next] = [await harness.phone(), await harness.phone()];
  const { client, number } = phone;
  for (const late of [
    () => stores.sessions.remove(number, [client], 'removal'),
    () => stores.sessions.move(number, next.number, 'removal'),
  ]) {
    await stores.sessions.mark(number, [client], 'removal');
    await stores.sessions.remove(number, [client], 'removal');
    assert.equal(await stores.sessions.phoneOf(client), undefined);
    await harness.signIn(client, number);
    await late();
    assert.equal(await stores.sessions.phoneOf(client), number);
    assert.deepEqual(await stores.sessions.active(number), [client]);
  }
  await close();
});

test('a link in work at the other worker is not refused because of the quota slot that this one holds', async () => {
  const { stores, close } = await openStoresOf(harness);
  const phone = await harness.phone();
  const services = [service({ id: 'thawed@example.org', type: atom('email') })];
  const mail = { sendCode: async () => 'accepted' };
  const context = {
    ...stores,
    mail,
    mailLimiter: { run: (work: () => unknown) => work() },
  } as unknown as Context;
  let checks = 0;
  const carryOut = async (again: boolean, isOurs: boolean, key = 'one link') => {
    const asked = profile({ phone: phone.number, services, status: 'link' });
    const request = requestOf(phone, asked, {
      ref: {
        phone: phone.number,
        key,
        record: await stores.idempotencyRecords.read(phone.number, key),
      },
      delivery: {
        redelivered: again,
        isStillOwned: async () => {
          checks++;
          return isOurs;
        },
      },
    });
    return (await requests.link.handler.handle(request, context)).result;
  };
  assert.equal(await carryOut(true, true), 'email_sent');
  assert.equal(await carryOut(false, false), 'email_sent');
  assert.equal(await carryOut(false, true), 'too_many_requests');
  assert.equal(checks, 2);
  assert.equal(await carryOut(false, true, 'another link'), 'too_many_requests');
  assert.equal(checks, 2, 'nobody asks the broker whose a request is that has no slot');
  await close();
});
