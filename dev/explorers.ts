import { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import { type Device, devices } from './phones.ts';

/** The extra configuration of the broker: it also publishes its log as messages. */
export const explorerConfig = 'log_dest stderr\nlog_dest topic';

/** `New client connected from 127.0.0.1:52364 as mqtt-explorer-1a2b3c4d (p2, c1, k60).` */
const connected = / as (mqtt-explorer-[0-9a-f]+) \(/;

/**
 * Gives a session to each MQTT Explorer that connects, as the authentication service does for a phone. An Explorer
 * makes up its client id, and would receive only `not_authorized` without a session. The first gets Olena's phone,
 * the next Taras's.
 * @param onSignedIn - called for each, once.
 */
export async function signInExplorers(
  servers: { readonly brokerUrl: string; readonly redisUrl: string },
  onSignedIn: (client: string, device: Device) => void,
): Promise<{ leave(): Promise<void> }> {
  const redis = new Redis(servers.redisUrl);
  const connection = await connectAsync(servers.brokerUrl, { clientId: 'dev-sign-in', protocolVersion: 5 });
  const known = new Set<string>();
  const signIn = async (client: string, device: Device): Promise<void> => {
    // A client that was given a session by hand keeps it.
    if ((await redis.hsetnx(`session:${client}`, 'phone', device.phone)) === 0) return;
    await redis.sadd(`sessions:{${device.phone}}`, client);
    onSignedIn(client, device);
  };
  connection.on('message', (_, payload) => {
    const [, client] = connected.exec(payload.toString()) ?? [];
    const device = devices[known.size % devices.length];
    if (client === undefined || device === undefined || known.has(client)) return;
    known.add(client);
    signIn(client, device).catch(() => known.delete(client));
  });
  await connection.subscribeAsync('$SYS/broker/log/#', { qos: 0 });
  return {
    async leave() {
      await connection.endAsync();
      redis.disconnect();
    },
  };
}
