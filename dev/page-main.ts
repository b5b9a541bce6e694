/**
 * The page as a separate program, for a composition of containers.
 *
 * Environment: `PORT` (default 8080), `HOST` (default 0.0.0.0), `MQTT_URL`, `REDIS_URL`, `WORKERS_URL` (a name that
 * resolves to all workers, such as `http://worker:8080`), `MAILPIT_URL`.
 */
import { lookup } from 'node:dns/promises';
import { mailpit } from './page/mailpit.ts';
import type { WorkerAddress } from './page/metrics.ts';
import { startPage } from './page/server.ts';

const {
  PORT = '8080',
  HOST = '0.0.0.0',
  MQTT_URL = 'mqtt://mosquitto:1883',
  REDIS_URL = 'redis://redis:6379',
  WORKERS_URL = 'http://worker:8080',
  MAILPIT_URL = 'http://mailpit:8025',
} = process.env;

/** One name resolves to the addresses of all workers, which change. */
async function findWorkers(): Promise<WorkerAddress[]> {
  const { hostname, port } = new URL(WORKERS_URL);
  const addresses = await lookup(hostname, { all: true, family: 4 }).catch(() => []);
  return addresses
    .map(({ address }) => ({ name: address, url: `http://${address}:${port || 80}` }))
    .sort((one, other) => one.name.localeCompare(other.name));
}

const page = await startPage(
  { brokerUrl: MQTT_URL, redisUrl: REDIS_URL, workers: findWorkers, mails: mailpit(MAILPIT_URL) },
  { port: Number(PORT), host: HOST },
);
console.log(`The page is served on port ${PORT}`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void page.stop();
  });
}
