/** Where answers go and what they contain; and messages that are not requests and get none. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, encode, type Term, tuple } from '../../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { contact, profile, record, roster } from '../../harness/terms.ts';

const harness = await startHarness();
after(() => harness.stop());

const get = ({ number: phone }: Phone) => profile({ phone, status: 'get' });
const set = ({ number: phone }: Phone) => profile({ phone, presence: atom('online'), status: 'set' });

test('an answer goes to the asking client’s own topic, once, and to no other device of the phone', async () => {
  const phone = await harness.phone();
  const tablet = await harness.phone({ number: phone.number });
  const { topic } = await phone.exchange(set(phone));
  assert.equal(topic, `actions/1/api/${phone.client}`);
  await Promise.all([phone.fence(), tablet.fence()]);
  assert.deepEqual([...phone.answers, ...tablet.answers, ...phone.notices, ...tablet.notices], []);
});

test('answers and notices have the content type of Erlang terms', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  const held = (id: number, phoneId: string) => [roster({ id, userlist: [contact({ phoneId })] })];
  const rosters = held(1, `${friend.number}_2`);
  const { properties } = await phone.exchange(profile({ phone: phone.number, rosters, status: 'set' }));
  assert.equal(properties?.contentType, 'application/x-erlang-binary');
  const others = held(2, `${phone.number}_1`);
  await friend.exchange(profile({ phone: friend.number, rosters: others, status: 'set' }));
  await phone.exchange(profile({ phone: phone.number, update: Date.now(), status: 'update' }));
  await harness.idle();
  await friend.fence();
  assert.equal(friend.notices[0]?.topic, `ses/${friend.number}`);
  assert.equal(friend.notices[0]?.properties?.contentType, 'application/x-erlang-binary');
});

test('Correlation Data comes back with the answer, byte for byte; without it there is none', async () => {
  const phone = await harness.phone();
  const correlationData = Buffer.from([0, 1, 131, 255]);
  const { properties } = await phone.exchange(get(phone), { properties: { correlationData } });
  assert.deepEqual(properties?.correlationData, correlationData);
  assert.equal((await phone.exchange(get(phone))).properties?.correlationData, undefined);
});

test('a Response Topic that is the client’s own, or below it, is used', async () => {
  const phone = await harness.phone();
  for (const responseTopic of [`actions/1/api/${phone.client}`, `actions/1/api/${phone.client}/request/7`]) {
    const { topic } = await phone.exchange(get(phone), { properties: { responseTopic } });
    assert.equal(topic, responseTopic);
  }
});

test('any other Response Topic is ignored: the answer goes only to the client’s own topic', async () => {
  const [phone, victim] = [await harness.phone(), await harness.phone()];
  const elsewhere = [
    `actions/1/api/${victim.client}`,
    `actions/1/api/${victim.client}/below`,
    `actions/1/api/${phone.client}0`,
    `ses/${victim.number}`,
    'actions/1/api',
    '$SYS/broker',
  ];
  for (const responseTopic of elsewhere) {
    const { topic } = await phone.exchange(get(phone), { properties: { responseTopic } });
    assert.equal(topic, `actions/1/api/${phone.client}`);
  }
  await victim.fence();
  assert.deepEqual([...victim.answers, ...victim.notices], []);
});

test('a client of MQTT 3.1.1 gets the same bytes', async () => {
  const phone = await harness.phone();
  await phone.exchange(set(phone));
  const old = await harness.phone({ number: phone.number, mqtt: { protocolVersion: 4 } });
  const answer = await old.exchange(get(phone));
  assert.deepEqual(answer.payload, (await phone.exchange(get(phone))).payload);
  assert.equal(answer.properties, undefined);
});

for (const qos of [0, 1, 2] as const) {
  test(`a request of QoS ${qos} is answered once`, async () => {
    const phone = await harness.phone();
    await phone.ask(get(phone), { qos });
    await phone.fence();
    assert.deepEqual(phone.answers, []);
  });
}

for (const qos of ['0', '2']) {
  test(`REPLY_QOS ${qos}: answers arrive at that quality of service`, async (t) => {
    const own = await startHarness({ settings: { REPLY_QOS: qos } });
    t.after(() => own.stop());
    const phone = await own.phone();
    await phone.mqtt.subscribeAsync(`actions/1/api/${phone.client}/#`, { qos: 2 });
    const arrived = new Promise((resolve) =>
      phone.mqtt.once('message', (_topic, _payload, packet) => resolve(packet.qos)),
    );
    await phone.ask(get(phone));
    assert.equal(await arrived, Number(qos));
  });
}

test('answers are never retained: a later subscriber receives nothing', async () => {
  const phone = await harness.phone();
  await phone.exchange(set(phone));
  const late = await harness.phone({ session: false });
  await late.mqtt.subscribeAsync(['actions/#', 'ses/#'], { qos: 1 });
  await late.fence();
  assert.deepEqual([...late.answers, ...late.notices], []);
});

/** Publishes a message that is not a request; it is counted by its kind, and not answered. */
async function isIgnored(phone: Phone, request: Term | Buffer, reason: string): Promise<void> {
  const metric = `profile_ignored_total{reason="${reason}"}`;
  const before = await harness.metric(metric);
  await phone.send(request);
  await eventually(`counted as ${reason}`, async () => (await harness.metric(metric)) === before + 1);
  await harness.idle();
  await phone.fence();
  assert.deepEqual(phone.answers, []);
}

test('an empty payload is counted, acknowledged and ignored', async () => {
  await isIgnored(await harness.phone(), Buffer.alloc(0), 'empty');
});

test('a request with the retain flag, from a broker that allows it, is counted, acknowledged and ignored', async (t) => {
  const own = await startHarness({ broker: { plugin: false } });
  t.after(() => own.stop());
  const phone = await own.phone();
  const topic = `events/1//api/anon/${phone.client}/`;
  await phone.send(set(phone), { topic, retain: true });
  await eventually(
    'counted',
    async () => (await own.metric('profile_ignored_total{reason="retained"}')) === 1,
  );
  await own.idle();
  await phone.fence();
  assert.deepEqual(phone.answers, []);
  assert.equal(await own.database.exists(`profile:{${phone.number}}`), 0);
});

const foreign: Record<string, Term> = {
  'an Auth': record('Auth', 'token', [], []),
  'a Roster': roster({ id: 1 }),
  'a Message of 30 elements': record('Message', ...Array<[]>(29).fill([])),
  'a profile of another case': record('profile', '380501112233'),
  'a tuple whose tag is a binary': tuple(Buffer.from('Profile'), Buffer.from('380501112233')),
  'an empty tuple': tuple(),
  'an atom': atom('Profile'),
  'a binary': Buffer.from('Profile'),
  'a list': [atom('Profile')],
  'a number': 1,
};

for (const [name, term] of Object.entries(foreign)) {
  test(`${name} belongs to another service: counted, acknowledged and ignored`, async () => {
    await isIgnored(await harness.phone(), encode(term), 'foreign');
  });
}
