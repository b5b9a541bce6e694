import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { startServices } from '../../dev/servers/services.ts';
import { StartedParts } from '../../dev/servers/started-parts.ts';
import { WorkerProcess } from '../../dev/workers.ts';
import type { BrokerAddress } from './device.ts';

/** The system under load. */
export interface System {
  readonly broker: BrokerAddress;
  /** For sessions, and for reading the usage of Redis. */
  readonly redis: Redis;
  /** Process ids, where the system was started here. */
  readonly pids: { readonly broker?: number | undefined };
  /** Ports of the workers' HTTP servers. */
  readonly httpPorts: readonly number[];
  /** Results that are right here besides those of the protocol's normal course. */
  readonly alsoExpected: readonly string[];
  codeFor(address: string): string | undefined;
  /** Names of workers that have exited by themselves, or with a fault. */
  failed(): string[];
  stop(): Promise<void>;
}

export interface SystemOptions {
  /** The program of the worker; default the built program. */
  readonly program?: string | undefined;
  /** Makes the workers collect garbage every second. */
  readonly collectsGarbage?: boolean | undefined;
}

const collect = new URL('collect.mjs', import.meta.url).href;

const built = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Starts a broker, a Redis, a mail server, an STS and this many workers, all on 127.0.0.1. */
export async function startSystem(workers: number, options: SystemOptions = {}): Promise<System> {
  const { program = built, collectsGarbage = false } = options;
  const parts = new StartedParts();
  try {
    const broker = parts.keep(await startMosquitto({ persistence: false, requestLimits: false }));
    const redisServer = parts.keep(await startRedis({ extraConfig: 'save ""' }));
    const services = parts.keep(await startServices());
    const redis = new Redis(redisServer.url);
    parts.onStop(() => redis.quit());
    const environment = {
      MQTT_URL: broker.url,
      REDIS_URL: redisServer.url,
      ...services.settings,
      CREDENTIALS_KEY: randomBytes(32).toString('base64'),
      HTTP_HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
      SHUTDOWN_TIMEOUT_MS: '5000',
      ...(collectsGarbage && { NODE_OPTIONS: `--import ${collect}` }),
    };
    const running: WorkerProcess[] = [];
    for (let index = 1; index <= workers; index++) {
      const name = `worker-${index}`;
      const options = { name, file: program, settings: environment, hasColours: false, print: console.log };
      running.push(parts.keep(await WorkerProcess.start(options)));
    }
    return {
      broker: { host: '127.0.0.1', port: broker.port },
      redis,
      pids: { broker: broker.pid },
      httpPorts: running.map(({ httpPort }) => httpPort),
      alsoExpected: [],
      failed: () => running.filter((worker) => worker.failed).map(({ name }) => name),
      codeFor(address) {
        const newest = services.smtp.mails().findLast(({ to }) => to[0] === address);
        return /^\d{6}$/m.exec(newest?.text ?? '')?.[0];
      },
      stop: parts.stop,
    };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

/**
 * Uses a system that runs already on this machine: no other one may be loaded from here.
 * @throws Error for an address that is not of the loopback interface.
 */
export async function useSystem(mqttUrl: string, redisUrl: string): Promise<System> {
  for (const url of [mqttUrl, redisUrl]) {
    if (!/^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(url).hostname))
      throw new Error('only systems on this machine (127.0.0.1, localhost, [::1]) can be loaded');
  }
  const { hostname, port } = new URL(mqttUrl);
  const redis = new Redis(redisUrl);
  return {
    broker: { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 1883) },
    redis,
    pids: {},
    httpPorts: [],
    // It may have neither mail nor STS.
    alsoExpected: ['error email_send', 'error aws'],
    codeFor: () => undefined,
    failed: () => [],
    stop: async () => void (await redis.quit()),
  };
}
