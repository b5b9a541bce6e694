/** A worker that speaks to Redis and the broker through relays, ready to take the place of a dead one. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Server, startServer } from '../../../dev/servers/process.ts';
import { eventually } from '../../harness/eventually.ts';
import { workerArguments } from '../../harness/program.ts';
import { relayRedis, type Watching } from './faults.ts';
import type { Relay } from './relay.ts';

export class RelayedWorker {
  readonly process: Server;
  readonly redis: Relay;

  constructor(process: Server, redis: Relay) {
    this.process = process;
    this.redis = redis;
  }

  /** Kill it outright. Resolves once it is dead, to an end of what is left of it that need not be waited for. */
  async kill(): Promise<{ removed: Promise<void> }> {
    await this.process.kill('SIGKILL');
    await this.redis.stop();
    return { removed: this.process.stop() };
  }
}

/**
 * Start a worker; every one has the same client id, so that it is given the session of the one before it. It is at the
 * broker's door then, and gets in when that is open.
 */
export async function startRelayed(
  redisPort: number,
  broker: Relay,
  watching: Watching,
): Promise<RelayedWorker> {
  const redis = await relayRedis(redisPort, watching);
  const settings = {
    // What is counted of a client would be left in Redis.
    CLIENT_RATE: '0',
    MQTT_URL: `mqtt://127.0.0.1:${broker.port}`,
    MQTT_CLIENT_ID: 'worker-1',
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    // No heartbeats, and no heirs but those of this test.
    HEARTBEAT_MS: '60000',
    HEIR_AFTER_MS: '600000',
    SHUTDOWN_TIMEOUT_MS: '1000',
    LOG_LEVEL: 'debug',
    HTTP_HOST: '127.0.0.1',
  };
  const process = await startServer({
    command: 'env',
    arguments: ['-i', `PATH=${pathVariable}`, 'node', '--env-file=settings', ...workerArguments],
    protocol: 'http',
    ready: /"msg":"AWS_ROLE_ARN is not set/,
    configure: (folder, port) =>
      writeFile(
        join(folder, 'settings'),
        Object.entries({ ...settings, HTTP_PORT: String(port) })
          .map(([name, value]) => `${name}="${value}"\n`)
          .join(''),
      ),
  });
  await eventually('the worker is at the broker’s door', () => broker.isOpen || broker.waiting > 0);
  return new RelayedWorker(process, redis);
}

const pathVariable = process.env.PATH ?? '';
