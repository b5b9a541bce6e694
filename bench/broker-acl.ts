/**
 * `npm run bench:sessions -- [sessions …]`: the cost of a list of sessions for a Mosquitto with the dynamic-security
 * plugin, which writes its whole file with each change. Default 0, 1,000 and 10,000 sessions, each on its own broker
 * with the configuration of production.
 *
 * The broker's processor time is the time in which it does nothing else, because it has one thread. It does not
 * depend on other load of the machine. The delay of others is measured by a client that publishes without a pause
 * meanwhile.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { checkArguments } from '../dev/arguments.mjs';
import { selfSignedCertificate } from '../dev/servers/certificate.ts';
import { startMosquitto } from '../dev/servers/mosquitto.ts';
import { type BrokerClients, openBrokerClients } from '../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../src/broker-acl/dynamic-security.ts';
import { initialSecurity } from '../src/broker-acl/roles.ts';

const ROUNDS = 15;

const password = 'bench';

/** The plugin's file with this many sessions, as `profilectl session add` makes them; that takes hours for many. */
function securityWith(sessions: number): string {
  const file = JSON.parse(
    initialSecurity([
      { name: 'admin', password, roles: ['clients'] },
      { name: 'worker', password, roles: ['worker'] },
    ]),
  );
  const reading = (topic: string) =>
    ['subscribePattern', 'publishClientReceive'].map((acltype) => ({
      acltype,
      topic,
      priority: 0,
      allow: true,
    }));
  for (let index = 0; index < sessions; index++) {
    const [client, phone] = [`emqttd_${index}`, `3805${String(index).padStart(8, '0')}`];
    const [roleOfClient, group] = [`client:${client}`, `phone:${phone}`];
    file.roles.push(
      { rolename: roleOfClient, acls: reading(`actions/1/api/${client}/#`) },
      { rolename: group, acls: reading(`ses/${phone}`) },
    );
    file.groups.push({ groupname: group, roles: [{ rolename: group }], clients: [{ username: client }] });
    file.clients.push({
      username: client,
      clientid: client,
      textname: '',
      roles: [{ rolename: 'phone' }, { rolename: roleOfClient }],
      groups: [{ groupname: group }],
      password: randomBytes(64).toString('base64'),
      salt: randomBytes(12).toString('base64'),
      iterations: 101,
    });
  }
  return JSON.stringify(file);
}

/** Milliseconds of processor time that a process has used. */
function processorMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measure(sessions: number): Promise<Record<string, string | number>> {
  const certificate = await selfSignedCertificate();
  const began = performance.now();
  const server = await startMosquitto({
    persistence: false,
    production: { security: securityWith(sessions), certificate },
  });
  const startMs = performance.now() - began;
  const login = { url: server.url, username: 'admin', password, tls: { ca: certificate.cert } };
  const clients = openBrokerClients(openDynamicSecurity({ ...login, clientId: 'bench' }));
  const pid = server.pid ?? 0;
  try {
    await clients.find('admin');
    const others = await startOther(server.url, certificate.cert);
    const calm = await others.longest(() => new Promise((resolve) => setTimeout(resolve, 500)));
    const add = await rounds(clients, pid, (index) =>
      clients.put({ client: `new-${index}`, phone: `7${1_000_000 + index}`, token: 'token' }, undefined),
    );
    const waits: number[] = [];
    for (let place = 0; place < ROUNDS; place++) {
      const session = { client: `watched-${place}`, phone: `8${1_000_000 + place}`, token: 'token' };
      waits.push(await others.longest(() => clients.put(session, undefined)));
    }
    const remove = await rounds(clients, pid, async (index) => {
      await clients.remove(`new-${index}`);
      await clients.dropPhone(`7${1_000_000 + index}`);
    });
    const before = processorMs(pid);
    for await (const page of clients.all()) void page;
    for (const kind of ['groups', 'roles'] as const) for await (const page of clients.names(kind)) void page;
    const sweepMs = processorMs(pid) - before;
    await others.stop();
    return {
      sessions,
      'file, MB': (statSync(join(server.folder, 'data', 'dynamic-security.json')).size / 1e6).toFixed(2),
      'start, s': (startMs / 1000).toFixed(1),
      'add: broker busy, ms': add.toFixed(1),
      'remove: broker busy, ms': remove.toFixed(1),
      'others wait at most, calm, ms': calm.toFixed(1),
      'others wait at most, one add, ms': median(waits).toFixed(1),
      'sweep: broker busy, ms': sweepMs.toFixed(1),
      'memory, MB': memoryMb(pid),
    };
  } finally {
    await clients.close();
    await server.stop();
  }
}

/** Median of the broker's processor time for one change. */
async function rounds(
  clients: BrokerClients,
  pid: number,
  change: (index: number) => Promise<void>,
): Promise<number> {
  const taken: number[] = [];
  for (let place = 0; place < ROUNDS; place++) {
    const before = processorMs(pid);
    await change(place);
    await clients.find('admin'); // Its answer arrives when the broker has finished the change.
    taken.push(processorMs(pid) - before);
  }
  return median(taken);
}

/** A client that publishes one message after the other. */
async function startOther(url: string, ca: Buffer) {
  const client = await connectAsync(url, { clientId: 'profile-other', username: 'worker', password, ca });
  let [isOver, longest, count] = [false, 0, 0];
  const running = (async () => {
    while (!isOver) {
      const began = performance.now();
      await client.publishAsync('ses/1', 'x', { qos: 1 });
      longest = Math.max(longest, performance.now() - began);
      count++;
    }
  })();
  return {
    async longest(work: () => Promise<unknown>): Promise<number> {
      longest = 0;
      await work();
      // The message in flight, and one more.
      for (const end = count + 2; count < end; ) await new Promise((resolve) => setTimeout(resolve, 1));
      return longest;
    },
    async stop() {
      isOver = true;
      await running;
      await client.endAsync(true);
    },
  };
}

function memoryMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1000);
}

checkArguments('bench:sessions');
const sizes = process.argv.slice(2).map(Number);
const results = [];
for (const sessions of sizes.length > 0 ? sizes : [0, 1_000, 10_000]) results.push(await measure(sessions));
console.table(results);
