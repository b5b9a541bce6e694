import { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import { keptHints } from './kept-hints.ts';
import { type Device, devices } from './phones.ts';

/** The extra configuration of the broker: it also publishes its log as messages. */
export const explorerConfig = 'log_dest stderr\nlog_dest topic';

/** `New client connected from 127.0.0.1:52364 as mqtt-explorer-1a2b3c4d (p2, c1, k60).` */
const connected = / as (mqtt-explorer-[0-9a-f]+) \(/;

export interface Explorers {
  /** Gives every one that was here its session again, as its first one was. */
  signInAgain(): Promise<void>;
  leave(): Promise<void>;
}

/** So many are remembered; for one more the first is forgotten. */
const maxKnown = 1_000;

/**
 * Gives a session to each MQTT Explorer that connects, as the authentication service does for a phone. An Explorer
 * makes up its client id, and would receive only `not_authorized` without a session. The first gets Olena's phone,
 * the next Taras's. One that was signed out, by a `remove`, has its phone again when it connects again.
 * @param onSignedIn - called each time that one gets a session.
 */
export async function signInExplorers(
  servers: { readonly brokerUrl: string; readonly redisUrl: string },
  onSignedIn: (client: string, device: Device) => void,
): Promise<Explorers> {
  const redis = new Redis(servers.redisUrl);
  redis.on('error', () => undefined); // Trouble on purpose stops it.
  const connection = await connectAsync(servers.brokerUrl, { clientId: 'dev-sign-in', protocolVersion: 5 });
  connection.on('error', () => undefined);
  const hints = await keptHints(connection);
  const known = new Map<string, Device>();
  let count = 0;
  const signIn = async (client: string, device: Device): Promise<void> => {
    // A client that was given a session by hand keeps it.
    if ((await redis.hsetnx(`session:${client}`, 'phone', device.phone)) === 0) return;
    await redis.sadd(`sessions:{${device.phone}}`, client);
    // That it was signed out is no longer so.
    await hints.forget(client);
    onSignedIn(client, device);
  };
  connection.on('message', (topic, payload) => {
    if (!topic.startsWith('$SYS/')) return;
    const [, client] = connected.exec(payload.toString()) ?? [];
    if (client === undefined) return;
    const device = known.get(client) ?? devices[count++ % devices.length];
    if (device === undefined) return;
    known.set(client, device);
    const [first] = known.keys();
    if (known.size > maxKnown && first !== undefined) known.delete(first);
    signIn(client, device).catch(() => undefined);
  });
  await connection.subscribeAsync('$SYS/broker/log/#', { qos: 0 });
  return {
    async signInAgain() {
      for (const [client, device] of known) await signIn(client, device);
    },
    async leave() {
      await connection.endAsync();
      redis.disconnect();
    },
  };
}

/** Gives a client a session of a phone in the place of its last one, as the authentication service does. */
export async function signInAs(redis: Redis, { client, phone }: Device): Promise<void> {
  const before = await redis.hget(`session:${client}`, 'phone');
  if (before !== null) await redis.srem(`sessions:{${before}}`, client);
  await redis.del(`session:${client}`, `signed-out:${client}`, `hint:${client}`);
  await redis.hset(`session:${client}`, { phone });
  await redis.sadd(`sessions:{${phone}}`, client);
}
