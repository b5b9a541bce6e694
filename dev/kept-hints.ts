import type { MqttClient } from 'mqtt';
import { hintTopic } from '../src/qa/formats/hint.ts';

/** So many are remembered; the broker forgets the others after 10 minutes. */
const maxKept = 1_000;

/** Takes hints away that are no longer so; only those that the broker keeps, as an empty message leaves a row in MQTT Explorer. */
export async function keptHints(connection: MqttClient) {
  const kept = new Set<string>();
  connection.on('message', (topic, payload) => {
    if (!topic.startsWith(hintTopic('').slice(0, -1))) return;
    if (payload.length === 0 || kept.size >= maxKept) kept.delete(topic);
    else kept.add(topic);
  });
  await connection.subscribeAsync(hintTopic('+'), { qos: 0 });
  const forget = async (topic: string): Promise<void> => {
    if (kept.delete(topic)) await connection.publishAsync(topic, '', { qos: 1, retain: true });
  };
  return {
    forget: (client: string) => forget(hintTopic(client)),
    forgetAll: () => Promise.all(Array.from(kept, forget)),
  };
}
