/** MQTT clients of the broker tests: connected by name, and one that watches all that the broker delivers. */
import { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';

/** A message that a client received. */
export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly properties: IPublishPacket['properties'];
}

/**
 * Connect a client: MQTT 5, without reconnecting, and a clean session unless `options` say otherwise.
 * @param onMessage - receives from the first message on, which may come together with the CONNACK
 */
export async function openClient(
  url: string,
  options: IClientOptions,
  onMessage: (message: Received) => void = () => {},
): Promise<MqttClient> {
  const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  client.on('message', (topic, payload, { retain, properties }) =>
    onMessage({ topic, payload, retain, properties }),
  );
  const connected = new Promise<unknown>((resolve, reject) =>
    client
      .once('connect', resolve)
      .once('error', reject)
      // A newer Mosquitto closes some connections without a word, such as one with a will on $CONTROL.
      .once('close', () => reject(new Error('the broker closed the connection'))),
  );
  client.on('error', () => {}); // a refusal reaches the publish that it is about
  await connected.catch(async (error: unknown) => {
    await client.endAsync(true);
    throw error;
  });
  if (client.stream instanceof Socket) client.stream.setNoDelay(true); // else QoS 2 waits for delayed acknowledgements
  return client;
}

/** The same for a client that ends with the test. */
export async function connectClient(
  t: TestContext,
  url: string,
  options: IClientOptions,
  onMessage?: (message: Received) => void,
): Promise<MqttClient> {
  const client = await openClient(url, options, onMessage);
  t.after(() => client.endAsync(true));
  return client;
}

export interface Watcher {
  readonly client: MqttClient;
  readonly seen: Received[];
  /** What was delivered since the last call, up to and with all that `publisher` has published so far. */
  after(publisher: MqttClient): Promise<Received[]>;
  /** The first message, already here or still to come, that `wanted` picks. */
  message(wanted: (message: Received) => boolean): Promise<Received>;
}

/** A client that reads `filter` at QoS 0, so that it sees everything in the order in which the broker took it. */
export async function watch(t: TestContext, url: string, filter = '#'): Promise<Watcher> {
  const clientId = `watcher-${Math.random().toString(36).slice(2)}`;
  const seen: Received[] = [];
  const client = await connectClient(t, url, { clientId }, (message) => seen.push(message));
  await client.subscribeAsync(filter === '#' ? filter : [filter, 'fence/#'], { qos: 0 });

  const message = async (wanted: (message: Received) => boolean): Promise<Received> => {
    for (;;) {
      const found = seen.find(wanted);
      if (found !== undefined) return found;
      await new Promise((resolve) => client.once('message', resolve));
    }
  };
  let fences = 0;
  let told = 0;
  const after = async (publisher: MqttClient): Promise<Received[]> => {
    const fence = `fence/${++fences}`;
    await publisher.publishAsync(fence, '', { qos: 0 });
    const end = seen.indexOf(await message(({ topic }) => topic === fence));
    const news = seen.slice(told, end);
    told = end + 1;
    return news;
  };
  return { client, seen, after, message };
}
