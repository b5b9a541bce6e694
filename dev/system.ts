import { randomBytes } from 'node:crypto';
import { explorerConfig } from './explorers.ts';
import { givenSettings, type Settings } from './given-settings.ts';
import { devices, tokenOf } from './phones.ts';
import { startMosquitto } from './servers/mosquitto.ts';
import type { Server } from './servers/process.ts';
import { startRedis } from './servers/redis.ts';
import { startServices } from './servers/services.ts';
import type { SmtpSink } from './servers/smtp.ts';
import type { StsServer } from './servers/sts.ts';
import { topicPatterns, topicSettings } from './topics.ts';
import { WorkerProcess } from './workers.ts';

/** All servers and programs that a phone's request passes through. */
export interface System {
  readonly mosquitto: Server;
  readonly redis: Server;
  readonly smtp: SmtpSink;
  readonly sts: StsServer;
  readonly workers: readonly WorkerProcess[];
}

export interface SystemOptions {
  /** The program that runs as the worker; relative to the project's folder. */
  readonly workerFile: string;
  readonly logLevel: string;
  /** Where more settings of the workers stand; what this system decides itself is not taken. Default: none. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly hasColours: boolean;
  /** A debugger may attach at this port of 127.0.0.1. There is then one worker only, so that it gets every request. */
  readonly inspectPort?: number;
  /**
   * The broker serves clients in the field: those that log in as `api`, each with its token. It hands them answers, notices
   * and a first profile.
   */
  readonly field?: boolean;
  /**
   * Nothing ends a worker here, so that no other need take its requests over. On a busy machine one would after some seconds,
   * and answer once more, which the conversation takes for a fault.
   */
  readonly calm?: boolean;
  /** Receives each line of a worker's log. */
  readonly print: (line: string) => void;
  /** Receives a function that stops a part, as soon as that part runs. */
  readonly onStarted: (stop: () => Promise<unknown>) => void;
}

const workerNames = ['worker-1', 'worker-2'];

/**
 * Settings for a worker under a debugger: for ten minutes its request does not expire, and no other worker takes
 * over.
 */
const patience = { REQUEST_DEADLINE_MS: '600000', HEIR_AFTER_MS: '600000' };

const fieldBroker = {
  deliver: 'actions,ses',
  init: 'api',
  logins: {
    sharedUsers: 'api',
    passwords: Object.fromEntries(devices.map(({ client }) => [client, tokenOf(client)])),
  },
};

/**
 * Starts everything on free ports of 127.0.0.1, the servers with their own folders.
 * @returns it once both workers take requests.
 * @throws Error when a part does not start.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const running = async <T extends { stop(): Promise<unknown> }>(start: Promise<T>): Promise<T> => {
    const part = await start;
    options.onStarted(() => part.stop());
    return part;
  };
  const [mosquitto, redis, services] = await Promise.all([
    running(
      startMosquitto({
        extraConfig: explorerConfig,
        hints: true,
        topics: topicPatterns,
        ...(options.field && fieldBroker),
      }),
    ),
    running(startRedis()),
    running(startServices({ page: true })),
  ]);
  const own: Settings = {
    MQTT_URL: mosquitto.url,
    REDIS_URL: redis.url,
    ...topicSettings,
    ...services.settings,
    MAIL_FROM: 'profile@example.org',
    VERIFY_SECRET: randomBytes(32).toString('base64'),
    // It would interrupt the conversation.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    AWS_ROLE_ARN: 'arn:aws:iam::000000000000:role/development-only',
    CREDENTIALS_KEY: randomBytes(32).toString('base64'),
    HTTP_HOST: '127.0.0.1',
    NODE_ENV: 'development',
    QA_TEXT: 'on',
    QA_MIRROR: 'on',
    LOG_LEVEL: options.logLevel,
    // On a busy machine work in hand takes long; an idle worker ends at once.
    SHUTDOWN_TIMEOUT_MS: '30000',
    ...(options.calm && { HEIR_AFTER_MS: '120000', AWS_DEADLINE_MS: '60000' }),
    ...(options.inspectPort !== undefined && patience),
  };
  const { workerFile: file, hasColours, print, inspectPort } = options;
  const { taken, left } = givenSettings(options.environment ?? {}, own);
  if (left.length > 0)
    print(`not taken from the environment, as this system has its own: ${left.join(', ')}`);
  const settings = { ...taken, ...own };
  const common = { file, settings, hasColours, print, ...(inspectPort !== undefined && { inspectPort }) };
  const names = inspectPort === undefined ? workerNames : workerNames.slice(0, 1);
  const workers = await Promise.all(names.map((name) => running(WorkerProcess.start({ name, ...common }))));
  const { smtp, sts } = services;
  return { mosquitto, redis, smtp, sts, workers };
}
