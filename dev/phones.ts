import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { topics } from './topics.ts';

/** A device of a user, as the broker and the authentication service have it. */
export interface Device {
  /** MQTT client id. */
  readonly client: string;
  /** Digits. */
  readonly phone: string;
}

/** Olena and Taras have each other in their rosters. Olena also has a new phone, on which she has no profile yet. */
export const olena: Device = { client: 'emqttd_42', phone: '380501112233' };
export const taras: Device = { client: 'emqttd_43', phone: '380671112233' };
export const olenasNew: Device = { client: 'emqttd_44', phone: '380931112233' };

export const devices: readonly Device[] = [olena, taras, olenasNew];

/** The topic of requests: node, client and token are empty, as clients in the field leave them. */
export const requestTopic = topics.request();

/** The password of a client in the field, which logs in as `api`. */
export const tokenOf = (client: string): string => `token of ${client}`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Empties the database and gives each device its session, under the keys that the authentication service uses. */
export async function seedSessions(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  try {
    await redis.flushdb();
    for (const { client, phone } of devices) {
      await redis.hset(`session:${client}`, { phone, token: sha256(tokenOf(client)) });
      await redis.sadd(`sessions:{${phone}}`, client);
    }
  } finally {
    await redis.quit();
  }
}

/** All devices, connected to the broker; each receives its answers and the notices to its phone. */
export interface ConnectedDevices {
  publish(device: Device, payload: Buffer): Promise<void>;
  /** Connects a device as clients in the field do, in the place of its last connection. @param password - default its token. */
  logIn(device: Device, password?: string): Promise<void>;
  /** Resolves when all messages have arrived that the broker had accepted for a device before. */
  fence(): Promise<void>;
  leave(): Promise<void>;
}

/** The habits of clients in the field that not every client has: they log in as `api` with their token, and never subscribe. */
export interface Habits {
  readonly field: boolean;
}

/**
 * Connects each device as clients in the field do: MQTT 3.1.1, requests with QoS 2. With all their habits, none is connected
 * before its `logIn`.
 */
export async function connectDevices(
  url: string,
  { field }: Habits,
  onMessage: (device: Device, topic: string, payload: Buffer) => void,
): Promise<ConnectedDevices> {
  const connections = new Map<Device, MqttClient>();
  if (!field)
    for (const device of devices) connections.set(device, await connectDevice(url, device, onMessage));
  const each = async (act: (connection: MqttClient, device: Device) => Promise<unknown>): Promise<void> => {
    await Promise.all([...connections].map(([device, connection]) => act(connection, device)));
  };
  return {
    publish: async (device, payload) =>
      void (await connections.get(device)?.publishAsync(requestTopic, payload, { qos: 2 })),
    async logIn(device, password = tokenOf(device.client)) {
      await connections.get(device)?.endAsync();
      connections.delete(device);
      connections.set(device, await connectSilentDevice(url, device, { password, onMessage }));
    },
    fence: () =>
      each((connection, device) =>
        field ? awaitRounds(connection) : sendFence(connection, fenceTopic(device)),
      ),
    leave: () => each((connection) => connection.endAsync()),
  };
}

async function connectDevice(
  url: string,
  device: Device,
  onMessage: (device: Device, topic: string, payload: Buffer) => void,
): Promise<MqttClient> {
  const { client, phone } = device;
  const connection = await connectAsync(url, { clientId: client, protocolVersion: 4, reconnectPeriod: 0 });
  connection.on('message', (topic, payload) => {
    if (topic !== fenceTopic(device)) onMessage(device, topic, payload);
  });
  const filters = [topics.answer(client), topics.notice(phone), fenceTopic(device)];
  await connection.subscribeAsync(filters, { qos: 1 });
  return connection;
}

async function connectSilentDevice(
  url: string,
  device: Device,
  {
    password,
    onMessage,
  }: { password: string; onMessage: (device: Device, topic: string, payload: Buffer) => void },
): Promise<MqttClient> {
  const login = { clientId: device.client, username: 'api', password, protocolVersion: 4 } as const;
  const connection = connect(url, { ...login, reconnectPeriod: 0 });
  // Before it is connected: a first profile comes at once.
  connection.on('message', (topic, payload) => onMessage(device, topic, payload));
  try {
    await new Promise<unknown>((resolve, reject) => {
      connection.once('connect', resolve).once('error', reject);
    });
  } catch (error) {
    await connection.endAsync(true);
    throw error;
  }
  return connection;
}

/** The broker hands over what came with one turn of its loop in the next; each answer is of another turn. */
async function awaitRounds(connection: MqttClient): Promise<void> {
  for (let round = 0; round < 3; round++) await connection.unsubscribeAsync('fence');
}

function fenceTopic({ client }: Device): string {
  return `fence/${client}`;
}

/** The broker keeps the order of messages to one client, so the echo arrives after all earlier ones. */
async function sendFence(connection: MqttClient, topic: string): Promise<void> {
  const returned = new Promise<void>((resolve) => {
    connection.on('message', (from) => {
      if (from === topic) resolve();
    });
  });
  await connection.publishAsync(topic, 'fence', { qos: 1 });
  await returned;
}

/** Receives all messages of devices and workers. `toWorkers` separates requests from answers and notices. */
export async function listen(
  url: string,
  onMessage: (message: { topic: string; payload: Buffer; toWorkers: boolean }) => void,
): Promise<{ leave(): Promise<void> }> {
  const connection = await connectAsync(url, { clientId: 'dev-listener', protocolVersion: 5 });
  connection.on('error', () => undefined); // Trouble on purpose stops the broker.
  connection.on('message', (topic, payload) =>
    onMessage({ topic, payload, toWorkers: topics.readRequest(topic) !== undefined }),
  );
  await connection.subscribeAsync([topics.requests, topics.answers, topics.notices], { qos: 1 });
  return { leave: () => connection.endAsync() };
}
