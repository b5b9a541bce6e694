import type { Settings } from '../config/settings.ts';
import { type CliClient, connectClient, ownClientId } from './client.ts';
import type { Finding } from './doctor-finding.ts';
import { CliFault } from './terminal.ts';

/** Checks whether two addresses in MQTT_URL lead to one broker: it ends a connection when another has the same client id. */
export async function checkBrokerNames(settings: Settings): Promise<Finding[]> {
  const { urls } = settings.mqtt;
  if (urls.length === 1) return [];
  const check = 'brokers';
  const pairs = urls.flatMap((second, place) =>
    urls.slice(0, place).map((first) => [first, second] as const),
  );
  const found = await Promise.all(pairs.map((pair) => areOne(settings, pair)));
  const twice = pairs.filter((_, place) => found[place] === true);
  if (twice.length > 0) {
    const saw = twice.map((pair) => `${pair.map((url) => new URL(url).host).join(' and ')} are one broker`);
    const advice =
      'name each broker once in MQTT_URL: a worker has one client id, so its two connections there end each other';
    return [{ check, state: 'failed', saw: saw.join(', '), advice }];
  }
  if (found.includes(undefined))
    return [{ check, state: 'skipped', saw: 'not all can be reached, to see whether they differ' }];
  return [{ check, state: 'ok', saw: 'no broker is named twice' }];
}

/** @returns undefined when one of the two cannot be reached. */
async function areOne(settings: Settings, pair: readonly [string, string]): Promise<boolean | undefined> {
  const client = ownClientId(settings);
  const opened: CliClient[] = [];
  try {
    for (const url of pair)
      opened.push(await connectClient({ ...settings, mqtt: { ...settings.mqtt, urls: [url] } }, { client }));
    const [first] = opened;
    // Only a connection that goes on gets an answer.
    return await Promise.race([first?.mqtt.unsubscribeAsync('nowhere'), first?.broken]).then(
      () => false,
      () => true,
    );
  } catch (error) {
    if (error instanceof CliFault) return undefined;
    throw error;
  } finally {
    await Promise.all(opened.map(({ mqtt }) => mqtt.endAsync(true)));
  }
}
