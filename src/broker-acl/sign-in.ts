import type { Sessions } from '../store/sessions.ts';
import type { BrokerAcl } from './broker.ts';
import type { NewSession } from './client.ts';

export interface SignInParts {
  readonly sessions: Sessions;
  readonly brokers: readonly BrokerAcl[];
}

/**
 * Give a client a session, in Redis and at every broker, as one step: it has both afterwards, or neither. A `remove` of the
 * phone that came before does not undo it, also when a broker has not followed that yet.
 * @param tokenHash - SHA-256 in hex.
 * @returns `'changed'` when the client has a session already.
 * @throws Error when a broker does not let it in, or the session was ended meanwhile.
 */
export async function signIn(
  session: NewSession,
  tokenHash: string,
  { sessions, brokers }: SignInParts,
): Promise<'stored' | 'changed'> {
  const { client, phone } = session;
  // First: what follows sessions takes out whoever has none.
  if ((await sessions.add(client, phone, tokenHash)) === 'changed') return 'changed';
  try {
    for (const broker of brokers) await broker.letIn(session);
    if ((await sessions.phoneOf(client)) !== phone) throw new Error('the session was ended meanwhile');
  } catch (error) {
    await signOut(client, phone, { sessions, brokers }).catch(() => undefined); // what is left is noted
    throw error;
  }
  return 'stored';
}

/**
 * End a client's session, and take the client out at every broker.
 * @param phone - its session's; `undefined` if it has none, so that only what an earlier call has left is taken out.
 * @throws Error when a broker is away or refuses; it is noted there, for a worker with `MQTT_DYNAMIC_SECURITY=on`.
 */
export async function signOut(
  client: string,
  phone: string | undefined,
  { sessions, brokers }: SignInParts,
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
