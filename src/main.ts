import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { noteEndAt, openAclWorks, openFollowing } from './broker-acl/index.ts';
import { EXIT_CONFIG, readSettings, type Settings, SettingsError } from './config/settings.ts';
import { Forwarding } from './failover/outbox-relay.ts';
import { Heirs } from './failover/session-takeover.ts';
import { openHeartbeats } from './failover/worker-registry.ts';
import type { Means } from './handlers/handler.ts';
import { Lane, type LaneOptions } from './lib/concurrency-limiter.ts';
import { type BrokerConnection, connectBroker } from './mqtt/connection.ts';
import { identityBy } from './pipeline/authenticator.ts';
import { openPoisonGuard } from './pipeline/poison-guard.ts';
import { openRateLimiter } from './pipeline/rate-limiter.ts';
import { Worker } from './pipeline/worker.ts';
import { openWrongTokenLimiter } from './pipeline/wrong-tokens.ts';
import { sharedFilter } from './protocol/topics.ts';
import { connectForQa } from './qa/connection.ts';
import { openMail } from './services/mail/mailer.ts';
import { openSts } from './services/sts/client.ts';
import { openAskedForms } from './store/formats.ts';
import { openStores, type StoreOptions } from './store/index.ts';
import { openOutbox } from './store/outbox.ts';
import { openRates } from './store/rates.ts';
import { type Database, openRedis } from './store/redis/database.ts';
import { type Operating, serveHttp } from './telemetry/http.ts';
import {
  shownKinds,
  tellState,
  type Watching,
  watchOutside,
  watchRedis,
} from './telemetry/instrumentation.ts';
import { watchMail, watchSts } from './telemetry/instrumentation-services.ts';
import { type Log, openLog } from './telemetry/log.ts';
import { type Metrics, openMetrics } from './telemetry/metrics.ts';
import { openTracing } from './telemetry/tracing.ts';

/** What was started, and how it is stopped. */
interface Program {
  /** Leave the brokers without losing a request, then end the rest in reverse order; a second call waits for the first. */
  stop(): Promise<void>;
}

/** Start everything, in the order in which the parts need each other. */
async function start(settings: Settings, { log, tracing }: Watching): Promise<Program> {
  const closers: (() => Promise<unknown>)[] = [];
  const brokers: BrokerConnection[] = [];
  let stopping: Promise<void> | undefined;
  const metrics = openMetrics(shownKinds);

  const readiness = watchReadiness(log, () => [...brokerTroubles(brokers), ...redisTroubles(redis)]);
  const lost = (server: Server): void => (stopping === undefined ? metrics.lost(server) : undefined);
  const watchConnection = connectionWatch(lost, () => readiness.changed());
  const { url, keyPrefix, tls } = settings.redis;
  const redis = openRedis(url, keyPrefix, watchConnection('redis'), tls);
  watchRedis(metrics, tracing);
  closers.push(async () => tracing?.close());
  closers.push(() => redis.close());
  const works = openAclWorks(redis, settings.mqtt);
  const means = openMeans(settings, { redis, metrics, log, tracing, noteEnd: noteEndAt(works) });
  closers.push(() => Promise.all([means.mail?.close(), means.sts?.close()]));

  const forwarding = new Forwarding({ outbox: openOutbox(redis), brokers, log });
  const following = openFollowing(settings.mqtt, { works, sessions: means.sessions, brokers, metrics, log });
  closers.push(() => goodbye(following.stop()));
  const poison = openPoisonGuard(settings, redis, { metrics, log });
  const worker = new Worker({
    ...partsBy(settings, redis),
    means,
    ...limitersOf(settings, redis, metrics),
    poison,
    brokers,
    forwarding,
    followSessions: following.follow,
    metrics,
    tracing,
    log,
  });
  tellState(metrics, { settings, brokers, isReady: () => readiness.troubles().length === 0 });

  const http = await servePages(settings.http, metrics, { ...readiness, remarks: following.remarks });
  closers.push(async () => http?.close());

  const connect = connecting(settings, redis, log);
  const connectAs = (clientId: string): BrokerConnection[] =>
    settings.mqtt.urls.map((url) =>
      connect(
        { ...settings.mqtt, url, clientId, filter: sharedFilter(settings.mqtt.shareGroup) },
        (delivery) => void worker.serve(delivery),
        log.child({ connectedAs: clientId }),
      ),
    );
  const clientId = ownClientId(settings.mqtt, log);
  const heartbeats = openHeartbeats(redis, clientId);
  const heirs = new Heirs({ heartbeats, times: settings.heirs, connectAs, adopted: metrics.adopted, log });
  closers.push(() => goodbye(heartbeats.leave()));
  closers.push(() => goodbye(heirs.stop()));

  brokers.push(...connectAs(clientId));
  for (const broker of brokers) broker.onState(watchConnection('broker'));
  // The heartbeat goes on until the brokers are left, or an heir would take over what is just being finished.
  closers.push(() => Promise.all(brokers.map((broker) => broker.leave())));
  closers.push(() => goodbye(heirs.yield()));
  closers.push(async () => forwarding.stop());
  closers.push(() => goodbye(poison.leave()));

  const stopAll = async (): Promise<void> => {
    readiness.stopping();
    for (const close of closers.reverse()) await close();
  };
  return {
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/** For QA there is something between broker and worker, otherwise nothing. */
function connecting({ qa, etfLimits: limits }: Settings, redis: Database, log: Log): typeof connectBroker {
  if (!qa.text && !qa.mirror) return connectBroker;
  log.info(qa, 'for QA: requests may be text, or what passes is shown on qa/#');
  return connectForQa({ ...qa, limits, forms: openAskedForms(redis) }, connectBroker);
}

/** A session made for an id without the prefix would let a phone take the worker's place. */
function ownClientId({ clientId, workerPrefix }: Settings['mqtt'], log: Log): string {
  const message =
    'MQTT_CLIENT_ID does not begin with MQTT_WORKER_PREFIX: nothing keeps this client id from a phone';
  if (!clientId.startsWith(workerPrefix)) log.warn({ clientId, workerPrefix }, message);
  return clientId;
}

type Server = 'broker' | 'redis';

/** Calls `lost` when a connection that was there is no more, and `changed` whatever happens to it. */
function connectionWatch(lost: (server: Server) => void, changed: () => void) {
  return (server: Server) => {
    let was = false;
    return ({ connected }: { readonly connected: boolean }): void => {
      if (was && !connected) lost(server);
      was = connected;
      changed();
    };
  };
}

/** What a worker takes from the settings alone. */
function partsBy(settings: Settings, redis: Database) {
  return {
    identity: identityBy(settings.clientIdentity, settings.mqtt.workerPrefix),
    limits: settings.etfLimits,
    replyQos: settings.mqtt.replyQos,
    deadlineMs: settings.requestDeadlineMs,
    isStoreAway: () => !redis.state.connected,
  };
}

/** Wrong tokens are limited where tokens vouch for clients. */
function limitersOf({ clientIdentity, clientRate }: Settings, redis: Database, metrics: Metrics) {
  const rateLimiter = openRateLimiter({ ...clientRate, rates: openRates(redis) });
  const wrongTokens = clientIdentity === 'token' ? openWrongTokenLimiter(metrics.wrongToken) : undefined;
  return { rateLimiter, wrongTokens };
}

async function servePages(
  { port, host }: Settings['http'],
  metrics: Metrics,
  readiness: Pick<Operating, 'troubles' | 'remarks'>,
) {
  if (port === 0) return undefined;
  return serveHttp(port, host, {
    ...readiness,
    metrics: async () => ({ text: await metrics.text(), contentType: metrics.contentType }),
  });
}

/** What need not be said, and can't be while Redis is away: others then find out by themselves. */
function goodbye(saying: Promise<void>): Promise<void> {
  return Promise.race([saying.catch(() => undefined), sleep(goodbyeMs)]);
}

const goodbyeMs = 1_000;

interface MeansParts extends Watching, Pick<StoreOptions, 'noteEnd'> {
  readonly redis: Database;
  readonly metrics: Metrics;
}

/** What handlers may use: the stores, and the two foreign services if they are set. */
function openMeans(settings: Settings, { redis, metrics, log, tracing, noteEnd }: MeansParts): Means {
  const { mail, aws } = settings;
  const watch = watchOutside(metrics, tracing);
  const lane = (options: LaneOptions): Lane => {
    const opened = new Lane(options);
    metrics.lane(opened);
    return opened;
  };
  if (mail === undefined) log.info('SMTP_URL is not set: link answers email_send');
  if (aws === undefined) log.info('AWS_ROLE_ARN is not set: aws answers the error aws');
  return {
    ...openStores(redis, {
      doneSeconds: settings.mqtt.sessionExpirySeconds + doneMarginSeconds,
      verifySecret: settings.verifySecret,
      credentialsKeys: settings.credentialsKeys,
      askingLapseMs: (aws?.deadlineMs ?? 0) + 5_000,
      noteEnd,
    }),
    mail: mail && watchMail(openMail(mail, log), watch),
    mailLane: lane({ name: 'mail', concurrency: mail?.connections ?? 1, queue: settings.mailQueue }),
    sts: aws && watchSts(openSts(aws, log), watch),
    stsLane: lane({ name: 'sts', concurrency: settings.awsConcurrency, queue: settings.awsQueue }),
    awsFastReplyMs: settings.awsFastReplyMs,
  };
}

/** A record of a done request outlives the broker's session by this, so that no redelivery finds it gone. */
const doneMarginSeconds = 300;

/** What every start and every reconnect passes through. */
const passingTrouble =
  /: (not connected yet|connecting|subscribing|not connected|connection lost|connection closed)$/;

/**
 * Tells why the program cannot take requests, and logs when that begins and when it ends; also each cause that shows only
 * later, or that keeps it from starting, once.
 */
function watchReadiness(log: Log, troubles: () => string[]) {
  let isReady = false;
  const told = new Set<string>();
  let isStopping = false;
  return {
    troubles,
    stopping() {
      isStopping = true;
    },
    changed() {
      const now = troubles();
      const news = now.filter((trouble) => !told.has(trouble) && !passingTrouble.test(trouble));
      if (isStopping || (isReady === (now.length === 0) && news.length === 0)) return;
      for (const trouble of news) told.add(trouble);
      isReady = now.length === 0;
      if (!isReady) log.warn({ troubles: now }, 'not ready');
      else {
        told.clear();
        log.info('ready');
      }
    },
  };
}

function brokerTroubles(brokers: readonly BrokerConnection[]): string[] {
  if (brokers.length === 0) return ['broker: not connected yet'];
  return brokers.flatMap(({ state }, place) => {
    if (state.connected && state.subscribed) return [];
    return [`broker ${place + 1}: ${state.cause ?? (state.connected ? 'not subscribed' : 'not connected')}`];
  });
}

function redisTroubles({ state }: Database): string[] {
  return state.connected ? [] : [`redis: ${state.cause ?? 'not connected'}`];
}

/** Stop on the first SIGTERM or SIGINT; requests that are not done in time stay with the broker, for their redelivery. */
function stopOnSignal(program: Program, log: Log, timeoutMs: number): void {
  const stop = async (signal: string): Promise<void> => {
    log.info({ signal }, 'stopping');
    const timer = setTimeout(() => {
      log.warn('stopped before all requests were done; the broker keeps them');
      process.exit(0);
    }, timeoutMs);
    await program.stop();
    clearTimeout(timer);
    log.info('stopped');
    process.exit(0); // also when something still waits for a Redis that is away
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, (name) => void stop(name));
}

// On Node 20 the SDK would print a notice between the lines of the log.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// V8 counts the bytes of sockets and payloads as part of the heap. With a limit of its own choice it collects all of it for every
// 20 profiles of 1,000 contacts, which took half of such a `get`; so it may hold two and a half times what lives in it.
setFlagsFromString('--heap-growing-percent=150');

try {
  const settings = readSettings(process.env);
  const tracing = await openTracing(
    settings.tracesUrl === undefined
      ? undefined
      : {
          url: settings.tracesUrl,
          instance: settings.mqtt.clientId,
          onTrouble: () => log.warn('traces could not be sent'),
        },
  );
  const log = openLog(settings.logLevel, undefined, tracing?.ids);
  stopOnSignal(await start(settings, { log, tracing }), log, settings.shutdownTimeoutMs);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'cannot start'}\n`);
  process.exit(error instanceof SettingsError ? EXIT_CONFIG : 1);
}
