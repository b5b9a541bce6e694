/** A worker that reaches Redis and the broker through relays, ready to replace a killed one. */
import type { Server } from '../../../dev/servers/process.ts';
import { eventually } from '../../harness/eventually.ts';
import type { Relay } from '../../harness/relay.ts';
import { startWorker } from '../../harness/worker.ts';
import { relayRedis, type Watching } from './faults.ts';

export class RelayedWorker {
  readonly process: Server;
  readonly redis: Relay;

  constructor(process: Server, redis: Relay) {
    this.process = process;
    this.redis = redis;
  }

  /**
   * Kills the worker with SIGKILL. Resolves once it has exited, to the end of its remains; nobody needs to wait for
   * that.
   */
  async kill(): Promise<{ removed: Promise<void> }> {
    await this.process.kill('SIGKILL');
    await this.redis.stop();
    return { removed: this.process.stop() };
  }
}

/**
 * Starts a worker. All have the same client id, so each takes over the session of the one before. The relay before
 * the broker holds its connection until it is opened.
 */
export async function startRelayed(
  server: Server,
  broker: Relay,
  watching: Watching,
): Promise<RelayedWorker> {
  const redis = await relayRedis(server, watching);
  const settings = {
    // The rate limits of a client would be left in Redis.
    CLIENT_RATE: '0',
    MQTT_URL: broker.url,
    MQTT_CLIENT_ID: 'worker-1',
    REDIS_URL: redis.url,
    // No heartbeats, and no session takeover but this test's own.
    HEARTBEAT_MS: '60000',
    HEIR_AFTER_MS: '600000',
    SHUTDOWN_TIMEOUT_MS: '1000',
    LOG_LEVEL: 'debug',
  };
  const { process } = await startWorker(settings, { ready: /"msg":"AWS_ROLE_ARN is not set/ });
  await eventually('the worker is at the broker’s door', () => broker.isOpen || broker.waiting > 0);
  return new RelayedWorker(process, redis);
}
