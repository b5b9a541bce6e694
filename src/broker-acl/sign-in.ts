import type { Sessions } from '../store/sessions.ts';
import type { BrokerAcl } from './broker.ts';
import type { NewSession } from './client.ts';

export interface SignInDeps {
  readonly sessions: Sessions;
  readonly brokers: readonly BrokerAcl[];
}

/**
 * Add a session in Redis and at every broker, or at none of them. An earlier `remove` of the phone does not undo it, even if
 * a broker is not in sync yet.
 * @param tokenHash - SHA-256 in hex.
 * @returns `'changed'` when the client has a session already.
 * @throws Error when a broker refuses it, or the session ended meanwhile.
 */
export async function signIn(
  session: NewSession,
  tokenHash: string,
  { sessions, brokers }: SignInDeps,
): Promise<'stored' | 'changed'> {
  const { client, phone } = session;
  // First, because the broker ACL sync removes clients without a session.
  if ((await sessions.add(client, phone, tokenHash)) === 'changed') return 'changed';
  try {
    for (const broker of brokers) await broker.add(session);
    if ((await sessions.phoneOf(client)) !== phone) throw new Error('the session was ended meanwhile');
  } catch (error) {
    await signOut(client, phone, { sessions, brokers }).catch(() => undefined); // the ACL sync completes it
    throw error;
  }
  return 'stored';
}

/**
 * End a client's session, and remove the client at every broker.
 * @param phone - the phone of its session; `undefined` if it has none, which only completes an earlier call.
 * @throws Error when a broker is away or refuses. A worker with `MQTT_DYNAMIC_SECURITY=on` then completes it.
 */
export async function signOut(
  client: string,
  phone: string | undefined,
  { sessions, brokers }: SignInDeps,
): Promise<void> {
  if (phone !== undefined) await sessions.remove(phone, [client]);
  const left = await Promise.allSettled(
    brokers.map(async (broker) => {
      await broker.end(client);
      if (phone !== undefined) await broker.syncNow(phone);
    }),
  );
  for (const one of left) if (one.status === 'rejected') throw one.reason;
}

/**
 * End all sessions that a phone has now, and remove their clients at every broker. A sign-in that comes meanwhile stays.
 * @returns the clients whose sessions have ended, and why a broker still has them: it is away or refuses. A worker with
 *   `MQTT_DYNAMIC_SECURITY=on` then completes it.
 */
export async function signOutPhone(phone: string, { sessions, brokers }: SignInDeps) {
  const clients = (await sessions.active(phone)).sort();
  if (clients.length > 0) await sessions.remove(phone, clients);
  // Also without a session, to remove what a failed earlier call left in a broker.
  const left = await Promise.allSettled(brokers.map((broker) => broker.syncNow(phone)));
  const failed = left.find((one) => one.status === 'rejected');
  return { clients, failure: failed?.reason as Error | undefined };
}
