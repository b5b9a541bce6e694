import type { Settings } from '../config/settings.ts';
import { fleetOf } from '../store/fleet.ts';
import type { Database } from '../store/redis/database.ts';
import { scanKeys } from '../store/redis/scan-keys.ts';
import type { Finding } from './doctor-finding.ts';

/** A worker without a heartbeat for so long may be gone. */
const aliveMs = 15_000;

/** Workers of this share group that name their brokers otherwise. While `MQTT_URL` changes there are some, so it is no failure. */
export async function workersElsewhere(redis: Database, mqtt: Settings['mqtt']): Promise<Finding[]> {
  const { connection, keys } = redis;
  const [seconds = 0] = await connection.time();
  const since = Number(seconds) * 1000 - aliveMs;
  const start = keys.workers(`${mqtt.shareGroup}@`);
  const found = new Map<string, number>();
  for await (const batch of scanKeys(connection, start, 'zset'))
    for (const key of batch) {
      if (key === keys.workers(fleetOf(mqtt))) continue;
      const alive = await connection.zrangebyscore(key, since, '+inf');
      if (alive.length > 0) found.set(key.slice(start.length), alive.length);
    }
  if (found.size === 0) return [];
  const count = [...found.values()].reduce((sum, alive) => sum + alive, 0);
  const saw = `${count} of this share group name their brokers otherwise: ${[...found.keys()].join(' and ')}`;
  const advice =
    'unless MQTT_URL is just being changed, name the brokers alike in all workers: others do not take over from a killed one';
  return [{ check: 'workers', state: 'ok', saw, advice }];
}
