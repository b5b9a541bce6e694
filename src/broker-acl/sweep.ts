import type { BrokerAcl } from './broker.ts';
import { AclRefused, type BrokerClient, clientIn, isOnly, phoneIn } from './client.ts';
import { holding } from './locks.ts';

/**
 * Look through all that a broker has, and note each phone of which it is not equal to Redis: of sessions that have lapsed,
 * of clients in another group than their session's, of groups and roles that nobody uses. What this sees may be old by
 * the next page; so it changes nothing itself, but for what no phone stands for.
 * @param pause - between two pages; throws to end it.
 */
export async function sweep(acl: BrokerAcl, pause: () => Promise<void>): Promise<void> {
  const { clients, work } = acl;
  const refusals: AclRefused[] = [];
  // What the broker refuses for one client keeps none of the others.
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
 * @param used - gets the phones of which the broker has a client.
 * @returns the clients to which no group leads, and perhaps no set of a phone's sessions.
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

/** Under the client's lock, as Mosquitto 2.0 goes on using a role that was deleted while a client had it. */
async function dropRole({ work, clients }: BrokerAcl, client: string): Promise<void> {
  await holding(work, [['client', client]], async ({ isAllowed }) => {
    if ((await clients.find(client)) === undefined) await clients.dropRole(client, isAllowed);
  });
}
