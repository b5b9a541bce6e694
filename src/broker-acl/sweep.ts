import type { BrokerAcl } from './broker.ts';
import { AclRefused, type BrokerClient, clientIn, isOnly, phoneIn } from './client.ts';
import { holding } from './locks.ts';

/**
 * Compare all of a broker with Redis, and add each phone with a difference to the list of work. Differences are expired
 * sessions, clients in the wrong group, and unused groups and roles. What it reads may soon be old, so it changes only
 * clients and roles without a phone itself.
 * @param pause - called between two pages; throws to end the sweep.
 */
export async function sweep(acl: BrokerAcl, pause: () => Promise<void>): Promise<void> {
  const { clients, work } = acl;
  const refusals: AclRefused[] = [];
  // A refusal for one client does not stop the sweep.
  const change = async (doing: Promise<unknown>): Promise<void> => {
    await doing.catch((error: unknown) => {
      if (!(error instanceof AclRefused)) throw error;
      refusals.push(error);
    });
  };
  const known = new Set<string>();
  const used = new Set<string>();
  for await (const page of clients.all()) {
    for (const { client } of page) known.add(client);
    for (const client of await sweepClients(acl, page, used)) await change(acl.place(client));
    await pause();
  }
  for await (const page of clients.names('groups')) {
    for (const phone of page.flatMap((name) => phoneIn(name) ?? []))
      if (!used.has(phone)) await work.note(phone);
    await pause();
  }
  for await (const page of clients.names('roles')) {
    for (const name of page) {
      const [phone, client] = [phoneIn(name), clientIn(name)];
      if (phone !== undefined && !used.has(phone)) await work.note(phone);
      if (client !== undefined && !known.has(client)) await change(dropRole(acl, client));
    }
    await pause();
  }
  if (refusals[0] !== undefined) throw refusals[0];
}

/**
 * @param used - receives the phones of the clients in sync.
 * @returns the clients without a group.
 */
async function sweepClients(
  acl: BrokerAcl,
  page: readonly BrokerClient[],
  used: Set<string>,
): Promise<string[]> {
  const alone: string[] = [];
  const sessions = page.filter(({ isSession }) => isSession);
  const phones = await Promise.all(sessions.map(({ client }) => acl.sessions.phoneOf(client)));
  for (const [index, found] of sessions.entries()) {
    const phone = phones[index];
    if (phone !== undefined && isOnly(found, phone)) {
      used.add(phone);
      continue;
    }
    if (found.phones.length === 0) alone.push(found.client);
    for (const each of found.phones) await acl.work.note(each);
  }
  return alone;
}

/** With the client's lock, because Mosquitto 2.0 still uses a deleted role that a client has. */
async function dropRole({ work, clients }: BrokerAcl, client: string): Promise<void> {
  await holding(work, [['client', client]], async ({ isAllowed }) => {
    if ((await clients.find(client)) === undefined) await clients.dropRole(client, isAllowed);
  });
}
