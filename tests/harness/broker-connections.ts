/** Connections as the worker has them (src/mqtt), at a broker without the plugin. */
import { after, type TestContext } from 'node:test';
import type { MqttClient } from 'mqtt';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import type { Server } from '../../dev/servers/process.ts';
import type { BrokerConnection, ConnectionOptions, Delivery } from '../../src/mqtt/connection.ts';
import { eventually } from './eventually.ts';
import { connectClient } from './mqtt-clients.ts';

/** A broker that takes 20 publishes at a time. */
export function startBroker(...config: readonly string[]): Promise<Server> {
  const extraConfig = ['max_inflight_messages 20', ...config].join('\n');
  return startMosquitto({ plugin: false, extraConfig });
}

/** The same with an unlimited queue, for all tests of a file; stops after them. */
export async function plainBroker(): Promise<Server> {
  const broker = await startBroker('max_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_bytes 0');
  after(() => broker.stop());
  return broker;
}

let lastNumber = 0;

/** Names of its own for each test, since all share one broker. */
export function names(): { clientId: string; filter: string; topic: string } {
  const number = ++lastNumber;
  return { clientId: `worker-${number}`, filter: `$share/profile/in${number}/#`, topic: `in${number}` };
}

export function options(url: string, part: Partial<ConnectionOptions> = {}): ConnectionOptions {
  const base = { url, clientId: 'worker', filter: '$share/profile/in/#' };
  return { ...base, receiveMaximum: 256, sessionExpirySeconds: 60, ...part };
}

export async function subscribed(t: TestContext, connection: BrokerConnection): Promise<BrokerConnection> {
  t.after(() => connection.close());
  await eventually('subscribed', () => connection.state.subscribed);
  return connection;
}

export const publisher = (t: TestContext, url: string): Promise<MqttClient> => connectClient(t, url, {});

/** Publish `in…/0` to `in…/<count - 1>`; resolved when the broker has all. */
export async function publishAll(client: MqttClient, topic: string, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n);
  await Promise.all(numbers.map((n) => client.publishAsync(`${topic}/${n}`, `payload ${n}`, { qos: 1 })));
}

/** End a client's session at the broker. */
export async function endSession(t: TestContext, url: string, clientId: string): Promise<void> {
  await (await connectClient(t, url, { clientId, clean: true })).endAsync();
}

export const topicsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ topic }) => topic);
