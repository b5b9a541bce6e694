/** MQTT clients of the broker tests: connected by name, and one that watches all that the broker delivers. */
import type { TestContext } from 'node:test';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';

export interface Seen {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly properties: IPublishPacket['properties'];
}

/**
 * Connect a client that ends with the test. MQTT 5 and a clean session unless `options` say otherwise.
 * @param onMessage - hears from the first message on, which may come together with the CONNACK
 */
export async function connectClient(
  t: TestContext,
  url: string,
  options: IClientOptions,
  onMessage: (seen: Seen) => void = () => {},
): Promise<MqttClient> {
  const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  t.after(() => client.endAsync(true));
  client.on('message', (topic, payload, { retain, properties }) =>
    onMessage({ topic, payload, retain, properties }),
  );
  await new Promise<unknown>((resolve, reject) => client.once('connect', resolve).once('error', reject));
  client.on('error', () => {}); // a refusal reaches the publish that it is about
  return client;
}

export interface Watcher {
  readonly client: MqttClient;
  readonly seen: Seen[];
  /** What was delivered since the last call, up to and with all that `publisher` has published so far. */
  after(publisher: MqttClient): Promise<Seen[]>;
  /** The first message, already here or still to come, that `wanted` picks. */
  message(wanted: (seen: Seen) => boolean): Promise<Seen>;
}

/** A client that reads `filter` at QoS 0, so that it sees everything in the order in which the broker took it. */
export async function watch(t: TestContext, url: string, filter = '#'): Promise<Watcher> {
  const clientId = `watcher-${Math.random().toString(36).slice(2)}`;
  const seen: Seen[] = [];
  const client = await connectClient(t, url, { clientId }, (message) => seen.push(message));
  await client.subscribeAsync(filter === '#' ? filter : [filter, 'fence/#'], { qos: 0 });

  const message = async (wanted: (seen: Seen) => boolean): Promise<Seen> => {
    for (;;) {
      const found = seen.find(wanted);
      if (found !== undefined) return found;
      await new Promise((resolve) => client.once('message', resolve));
    }
  };
  let fences = 0;
  let told = 0;
  const after = async (publisher: MqttClient): Promise<Seen[]> => {
    const fence = `fence/${++fences}`;
    await publisher.publishAsync(fence, '', { qos: 0 });
    const end = seen.indexOf(await message(({ topic }) => topic === fence));
    const news = seen.slice(told, end);
    told = end + 1;
    return news;
  };
  return { client, seen, after, message };
}
