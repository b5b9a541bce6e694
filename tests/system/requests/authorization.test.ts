/** Which clients may send requests: the client level of the topic, and how it is authenticated. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { requestKinds, requests } from '../../../src/handlers/index.ts';
import { eventually, type Harness, startHarness } from '../../harness/harness.ts';
import { fieldsOf, profile, refusal } from '../../harness/terms.ts';

const notAuthorized = refusal('not_authorized');
const set = (phone: string) => profile({ phone, status: 'set' });

describe('the broker authenticates the client level', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
  });
  after(() => harness.stop());

  for (const status of requestKinds) {
    test(`${status}: a client without a session is refused with not_authorized`, async () => {
      const phone = await harness.phone({ session: false });
      assert.deepEqual(await phone.ask(profile({ phone: phone.number, status })), notAuthorized);
    });
  }

  // A `migrate` names another phone than the session's; that is its purpose.
  for (const status of requestKinds.filter((kind) => requests[kind].names === 'own')) {
    test(`${status}: a client with the session of another phone is refused with not_authorized`, async () => {
      const [owner, other] = [await harness.phone(), await harness.phone()];
      const stored = await owner.ask(set(owner.number));
      assert.deepEqual(await other.ask(profile({ phone: owner.number, status })), notAuthorized);
      const kept = fieldsOf(await owner.ask(profile({ phone: owner.number, status: 'get' })));
      assert.equal(kept.update, fieldsOf(stored).update);
    });
  }

  test('a session that ends while the client is connected ends its authorization', async () => {
    const phone = await harness.phone();
    fieldsOf(await phone.ask(set(phone.number)));
    await harness.database.del(`session:${phone.client}`);
    assert.deepEqual(await phone.ask(set(phone.number)), notAuthorized);
  });

  test('a session without a phone counts as none', async () => {
    const phone = await harness.phone({ session: false });
    await harness.database.hset(`session:${phone.client}`, 'token', 'x');
    assert.deepEqual(await phone.ask(set(phone.number)), notAuthorized);
  });

  test('another’s name in the client level is useless: the answer goes to the publisher', async () => {
    const [owner, other] = [await harness.phone(), await harness.phone()];
    const topic = `events/1//api/anon/${owner.client}/`;
    assert.deepEqual(await other.ask(set(owner.number), { topic }), notAuthorized);
    await owner.fence();
    assert.deepEqual(owner.answers, []);
  });

  test('node, user and token levels may hold anything', async () => {
    const phone = await harness.phone();
    const topic = 'events/1/node@host/api/somebody//a-token';
    fieldsOf(await phone.ask(set(phone.number), { topic }));
  });
});

describe('nobody has filled in the client level', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness({ broker: { plugin: false } });
  });
  after(() => harness.stop());

  test('a request with an empty client level is counted, logged once with the cause, and dropped', async () => {
    const phone = await harness.phone();
    for (let count = 0; count < 5; count++) await phone.send(set(phone.number));
    const unaddressed = 'profile_ignored_total{reason="unaddressed"}';
    await eventually('all are counted', async () => (await harness.metric(unaddressed)) === 5);
    await harness.idle();
    const said = () => harness.worker.log().filter(({ msg }) => /empty client level/.test(`${msg}`));
    // What a worker writes may come after what it answers.
    await eventually('the log says so', () => said().length > 0);
    const lines = said();
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.level, 'warn');
    assert.match(`${lines[0]?.msg}`, /client_identity plugin/);
    await phone.fence();
    assert.deepEqual(phone.answers, []);
    assert.equal(await harness.database.exists(`profile:{${phone.number}}`), 0);
  });

  test('a Response Topic does not name the client either', async () => {
    const phone = await harness.phone();
    const unaddressed = 'profile_ignored_total{reason="unaddressed"}';
    const before = await harness.metric(unaddressed);
    const responseTopic = `actions/1/api/${phone.client}`;
    await phone.send(set(phone.number), { properties: { responseTopic } });
    await eventually('it is counted', async () => (await harness.metric(unaddressed)) === before + 1);
  });

  test('a client level that the client wrote itself, where an ACL allows only its own, is accepted', async () => {
    const phone = await harness.phone();
    fieldsOf(await phone.ask(set(phone.number), { topic: `events/1//api/anon/${phone.client}/` }));
  });
});

describe('a token authenticates the client level', () => {
  const token = 'a token of the client’s own';
  const level = encodeURIComponent(token);
  let harness: Harness;
  before(async () => {
    harness = await startHarness({ broker: { plugin: false }, settings: { CLIENT_IDENTITY: 'token' } });
  });
  after(() => harness.stop());

  test('the right one is accepted', async () => {
    const phone = await harness.phone({ token: level });
    fieldsOf(await phone.ask(set(phone.number), { topic: `events/1//api/anon/${phone.client}/${level}` }));
  });

  test('the right one is accepted where a Response Topic names the client', async () => {
    const phone = await harness.phone({ token: level });
    const properties = { responseTopic: `actions/1/api/${phone.client}` };
    const answer = await phone.ask(set(phone.number), { topic: `events/1//api/anon//${level}`, properties });
    fieldsOf(answer);
  });

  for (const [name, wrong] of [
    ['a wrong one', 'another'],
    ['none', ''],
    ['the right one and more', `${level}x`],
    ['the beginning of the right one', level.slice(0, -1)],
  ] as const) {
    test(`${name} is refused with not_authorized`, async () => {
      const phone = await harness.phone({ token: level });
      const topic = `events/1//api/anon/${phone.client}/${wrong}`;
      assert.deepEqual(await phone.ask(set(phone.number), { topic }), notAuthorized);
    });
  }

  test('the hash itself is not the token', async () => {
    const phone = await harness.phone({ token: level });
    const hash = await harness.database.hget(`session:${phone.client}`, 'token');
    const topic = `events/1//api/anon/${phone.client}/${hash}`;
    assert.deepEqual(await phone.ask(set(phone.number), { topic }), notAuthorized);
  });

  for (const kept of [undefined, '', 'zz', 'e3b0']) {
    test(`a session whose token is ${kept === undefined ? 'absent' : `"${kept}"`} authenticates nobody`, async () => {
      const phone = await harness.phone();
      if (kept !== undefined) await harness.database.hset(`session:${phone.client}`, 'token', kept);
      for (const sent of ['', 'a']) {
        const topic = `events/1//api/anon/${phone.client}/${sent}`;
        assert.deepEqual(await phone.ask(set(phone.number), { topic }), notAuthorized);
      }
    });
  }

  test('a guessing client soon gets no more answers; the right token is still answered', async () => {
    const victim = await harness.phone({ token: level });
    const topic = (word: string) => ({ topic: `events/1//api/anon/${victim.client}/${word}` });
    const unanswered = 'profile_wrong_tokens_total{answered="no"}';
    const before = await harness.metric(unanswered);
    for (let count = 0; count < 10; count++)
      assert.deepEqual(await victim.ask(set(victim.number), topic(`guess-${count}`)), notAuthorized);
    for (let count = 10; count < 20; count++) await victim.send(set(victim.number), topic(`guess-${count}`));
    await eventually('they are counted', async () => (await harness.metric(unanswered)) >= before + 9);
    await harness.idle();
    await victim.fence();
    victim.answers.splice(0); // One in six seconds is answered.
    fieldsOf(await victim.ask(set(victim.number), topic(level)));
  });

  test('another’s client level with one’s own token is refused, and the other client gets the answer', async () => {
    const [owner, other] = [await harness.phone({ token: 'one' }), await harness.phone({ token: 'two' })];
    await other.send(set(owner.number), { topic: `events/1//api/anon/${owner.client}/two` });
    await owner.take();
    assert.equal(await harness.database.exists(`profile:{${owner.number}}`), 0);
  });

  test('a request that names its client nowhere is dropped', async () => {
    const phone = await harness.phone({ token: level });
    const unaddressed = 'profile_ignored_total{reason="unaddressed"}';
    const topics = [undefined, `actions/1/api/${phone.client}/below`, 'actions/1/api/', 'elsewhere'];
    for (const responseTopic of topics) {
      const properties = responseTopic === undefined ? {} : { responseTopic };
      await phone.send(set(phone.number), { topic: `events/1//api/anon//${level}`, properties });
    }
    await eventually('all are counted', async () => (await harness.metric(unaddressed)) === topics.length);
  });
});
