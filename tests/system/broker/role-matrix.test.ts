/** The rights on the broker of production: every role, every topic, as in mosquitto/README.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, type TestContext, test } from 'node:test';
import type { IClientOptions, MqttClient } from 'mqtt';
import { openBrokerClients } from '../../../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../../../src/broker-acl/dynamic-security.ts';
import { eventually } from '../../harness/eventually.ts';
import { connectClient } from '../../harness/mqtt-clients.ts';
import { serviceId, startProductionBroker } from '../../harness/production-broker.ts';

const CLIENT = 'emqttd_42';
const PHONE = '380501112233';
const TOKEN = 'a token of the matrix';
const NOT_AUTHORIZED = 135;

type Role = 'phone' | 'worker' | 'qa' | 'clients' | 'service';
type Act = 'publish' | 'subscribe' | 'will';

interface Row {
  readonly topic: string;
  readonly allowed: Readonly<Record<Role, readonly Act[]>>;
}

const roles: readonly Role[] = ['phone', 'worker', 'qa', 'clients', 'service'];
const readme = readFileSync(new URL('../../../mosquitto/README.md', import.meta.url), 'utf8');
const rows = readTable(readme);
const ids = readIds(readme);
const isFilter = ({ topic }: Row): boolean => /[#+]|^\$share/.test(topic);
const topics = rows.filter((row) => !isFilter(row));

const broker = await startProductionBroker({ connectionsPerMinute: 0 });
const { username, password } = broker.login('admin');
const tls = { ca: broker.certificate.cert };
const security = openDynamicSecurity({
  url: broker.server.url,
  clientId: 'maker',
  username,
  password,
  tls,
});
const clients = openBrokerClients(security);
await clients.put({ client: CLIENT, phone: PHONE, token: TOKEN }, undefined);
await clients.close();
after(() => broker.server.stop());

const ownIds: Readonly<Record<Role, string>> = {
  phone: CLIENT,
  worker: 'profile-1',
  qa: 'qa-1',
  clients: 'clients-1',
  service: serviceId,
};

/** How a client with a role logs in. */
function login(role: Role, clientId = ownIds[role]): IClientOptions {
  const ca = broker.certificate.cert;
  if (role === 'phone') return { clientId, username: PHONE, password: TOKEN, ca };
  return { clientId, ...broker.login(role === 'clients' ? 'admin' : role) };
}

/** The reason code of a refusal; 0 if it was none. */
async function publish(client: MqttClient, topic: string, payload: string): Promise<number> {
  return client.publishAsync(topic, payload, { qos: 1 }).then(
    () => 0,
    ({ code }: { code: number }) => code,
  );
}

async function subscribe(client: MqttClient, filter: string): Promise<number> {
  return client.subscribeAsync(filter, { qos: 1 }).then(
    (grants) => (grants[0]?.qos ?? 0) & 0xff,
    () => NOT_AUTHORIZED,
  );
}

test('the table covers ways to break out: wildcards, shared subscriptions, the broker’s own topics', () => {
  const named = rows.map(({ topic }) => topic);
  for (const part of ['#', '$share/profile/events/1/+/api/+/+/+', '$SYS/broker/version', '$CONTROL/#'])
    assert.ok(named.includes(part), part);
  assert.ok(rows.length >= 25 && topics.length >= 12);
  for (const role of roles)
    assert.ok(
      rows.some(({ allowed }) => allowed[role].length > 0),
      role,
    );
});

test('the table of client ids has those of every role, of profilectl, and none', () => {
  for (const role of roles)
    assert.ok(ids.some(({ allowed }) => allowed[role] && !allowed.phone) || role === 'phone');
  assert.ok(ids.some(({ id }) => id === ''));
  assert.ok(ids.length >= 10);
});

for (const role of roles) {
  test(`the role ${role} connects with the client ids that the table gives it, and with no other`, async (t) => {
    for (const { id, allowed } of ids) {
      for (const protocolVersion of [4, 5] as const) {
        const connecting = connectClient(t, broker.server.url, { ...login(role, id), protocolVersion });
        if (allowed[role]) await (await connecting).endAsync();
        else await assert.rejects(connecting, /not authorized/i, `“${id}”`);
      }
    }
  });

  describe(`the role ${role}`, () => {
    test('publishes where the table allows it, and is refused elsewhere', async (t) => {
      const client = await connectClient(t, broker.server.url, login(role));
      for (const { topic, allowed } of topics) {
        const expected = allowed[role].includes('publish') ? 0 : NOT_AUTHORIZED;
        // 16: it is allowed, but nobody has subscribed.
        const code = await publish(client, topic, 'p');
        assert.equal(code === 16 ? 0 : code, expected, topic);
      }
    });

    test('subscribes where the table allows it, and is refused elsewhere', async (t) => {
      const client = await connectClient(t, broker.server.url, login(role));
      for (const { topic, allowed } of rows) {
        const granted = (await subscribe(client, topic)) < 0x80;
        assert.equal(granted, allowed[role].includes('subscribe'), topic);
        if (granted) await client.unsubscribeAsync(topic);
      }
    });

    test('receives messages where it may subscribe, and nothing else', async (t) => {
      const seen = new Set<string>();
      const client = await connectClient(t, broker.server.url, login(role), ({ topic }) => seen.add(topic));
      for (const { topic } of rows) if (!topic.startsWith('$share')) await subscribe(client, topic);
      const published = await publishAll(t, role);
      await client.unsubscribeAsync('fence'); // Its answer arrives after all messages delivered before.
      await client.unsubscribeAsync('fence');
      const expected = topics.filter(
        ({ allowed, topic }) => allowed[role].includes('subscribe') && published.has(topic),
      );
      // The broker sends its answers on $CONTROL to administrators only, not even to qa.
      const received = [...seen].filter((topic) => !topic.startsWith('$'));
      assert.deepEqual(received.sort(), expected.map(({ topic }) => named(topic)).sort());
      assert.equal(
        [...seen].some((topic) => topic.startsWith('$CONTROL')),
        role === 'clients',
      );
    });

    test('leaves a will where the table allows it, and it is not sent elsewhere', async (t) => {
      const received = new Set<string>();
      const watcher = await connectClient(t, broker.server.url, login('qa', 'qa-watcher'), ({ payload }) =>
        received.add(`${payload}`),
      );
      await watcher.subscribeAsync('#', { qos: 1 });
      for (const [index, { topic }] of topics.entries()) await die(t, role, topic, `will ${index}`);
      const worker = await connectClient(t, broker.server.url, login('worker', 'profile-last'));
      await publish(worker, 'ses/1', 'last');
      await eventually('the last message comes', () => received.delete('last'));
      const expected = topics.flatMap(({ allowed }, index) =>
        allowed[role].includes('will') ? [`will ${index}`] : [],
      );
      assert.deepEqual([...received].sort(), expected.sort());
    });
  });
}

/** Publishes on every topic, each with a role that may; a client in use by another test is not used. */
async function publishAll(t: TestContext, reader: Role): Promise<ReadonlySet<string>> {
  const published = new Set<string>();
  for (const role of ['phone', 'worker'] as const) {
    // A phone has one client id, which the reader uses already: the worker's topics serve instead.
    if (role === reader && role === 'phone') continue;
    const client = await connectClient(
      t,
      broker.server.url,
      login(role, role === 'phone' ? CLIENT : 'profile-publisher'),
    );
    for (const { topic, allowed } of topics) {
      if (!allowed[role].includes('publish')) continue;
      await publish(client, topic, 'p');
      published.add(topic);
    }
  }
  const admin = await connectClient(t, broker.server.url, login('clients', 'publisher-2'));
  await publish(admin, '$CONTROL/dynamic-security/v1', '{"commands":[{"command":"getDefaultACLAccess"}]}');
  return published;
}

/** The client level as it arrives: the publisher's own id. */
const named = (topic: string): string =>
  topic.replace(/^(events\/1\/[^/]*\/api\/[^/]*\/)[^/]*(\/[^/]*)$/, `$1${CLIENT}$2`);

/** Connects with a will and breaks the connection; resolves when the broker has noticed. */
async function die(t: TestContext, role: Role, topic: string, payload: string): Promise<void> {
  const will = { topic, payload: Buffer.from(payload), qos: 1 as const, retain: false };
  const mortal = await connectClient(t, broker.server.url, { ...login(role), will }).catch(() => undefined);
  mortal?.stream.destroy();
  await mortal?.endAsync(true);
}

/** Rows of the table under "Who has which client id"; the id is `''` where there is none. */
function readIds(text: string): { id: string; allowed: Readonly<Record<Role, boolean>> }[] {
  const [, section = ''] = /^### Who has which client id\n(.*?)^### /ms.exec(text) ?? [];
  return [...section.matchAll(/^\| (?:`([^`]+)`|none[^|]*) \|(.*)\|$/gm)].map(([, id = '', cells = '']) => {
    const said = cells.split('|').map((cell) => cell.trim());
    const allowed = Object.fromEntries(roles.map((role, index) => [role, said[index] === 'yes']));
    return { id: id.replace('<client>', CLIENT), allowed: allowed as Record<Role, boolean> };
  });
}

/** Rows of the table under "In production": a topic, and the rights of each role. */
function readTable(text: string): Row[] {
  const [, section = ''] = /^### In production\n(.*?)^### /ms.exec(text) ?? [];
  const lines = section.split('\n').filter((line) => line.startsWith('| `') && line.split('|').length === 8);
  return lines.map((line) => {
    const [topic = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    const acts = cells.map((cell) => (cell === '–' ? [] : (cell.split(', ') as Act[])));
    const allowed = Object.fromEntries(
      roles.map((role, index) => [role, acts[index] ?? []]),
    ) as unknown as Row['allowed'];
    return {
      topic: topic
        .replaceAll('`', '')
        .replace('<client>', CLIENT)
        .replace('<phone>', PHONE)
        .replace('<service>', serviceId),
      allowed,
    };
  });
}
