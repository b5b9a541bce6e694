import { randomBytes } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { openDynamicSecurity } from '../broker-acl/dynamic-security.ts';
import type { Settings } from '../config/settings.ts';
import { Topics } from '../protocol/topics.ts';
import type { CliClient } from './client.ts';

/** A connection of the worker's user, as a member of a group of its own, which takes no requests from the workers. */
export interface Member {
  readonly connection: CliClient;
  readonly topics: Topics;
  /** Whether the broker granted the shared subscription. */
  readonly isJoined: boolean;
  /** Whether the broker says that it has shared subscriptions. */
  readonly hasShared: boolean;
  /** What else a worker needs and this user may not do, in words. */
  readonly missing: readonly string[];
  /** Why it may not manage the broker's clients; `''` if it may, undefined without `MQTT_DYNAMIC_SECURITY`. */
  readonly unmanaged: string | undefined;
}

/** Try what a worker does at the broker. Nobody reads what is published. */
export async function join(connection: CliClient, id: string, settings: Settings): Promise<Member> {
  const { mqtt, connack } = connection;
  const topics = new Topics(settings.topics);
  const group = `doctor-${randomBytes(4).toString('hex')}`;
  const isJoined = await isGranted(mqtt, topics.sharedFilter(group));
  const [answers, notices] = await Promise.all([
    mayPublish(mqtt, topics.answer(id)),
    mayPublish(mqtt, topics.notice('doctor')),
  ]);
  return {
    connection,
    topics,
    isJoined,
    hasShared: connack.properties?.sharedSubscriptionAvailable !== false,
    missing: [
      ...(isJoined ? [] : [`subscribe to ${topics.sharedFilter('+')}`]),
      ...(answers ? [] : [`publish to ${topics.answers}`]),
      ...(notices ? [] : [`publish to ${topics.notices}`]),
    ],
    unmanaged: settings.mqtt.dynamicSecurity ? await whyUnmanaged(`${id}-clients`, settings) : undefined,
  };
}

export function isGranted(mqtt: MqttClient, filter: string): Promise<boolean> {
  return mqtt.subscribeAsync(filter, { qos: 1 }).then(
    ([grant]) => (grant?.qos ?? 128) < 128,
    () => false,
  );
}

function mayPublish(mqtt: MqttClient, topic: string): Promise<boolean> {
  return mqtt.publishAsync(topic, '', { qos: 1 }).then(
    () => true,
    () => false,
  );
}

/** @returns `''` if this user may read the broker's list of clients. */
async function whyUnmanaged(clientId: string, { mqtt }: Settings): Promise<string> {
  const { urls, username, password, tls } = mqtt;
  const security = openDynamicSecurity({ url: urls[0] ?? '', clientId, username, password, tls });
  try {
    const [reply] = await security.run([{ command: 'listClients', count: 1 }]);
    return reply?.error ?? '';
  } catch (error) {
    return error instanceof Error ? error.message : 'no answer';
  } finally {
    await security.close();
  }
}
