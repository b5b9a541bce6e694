import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { noteEndAt, openAclWorks, openFollowing } from './broker-acl/index.ts';
import { EXIT_CONFIG, readSettings, type Settings, SettingsError } from './config/settings.ts';
import { OutboxRelay } from './failover/outbox-relay.ts';
import { SessionTakeover } from './failover/session-takeover.ts';
import { openWorkerRegistry } from './failover/worker-registry.ts';
import type { Context } from './handlers/handler.ts';
import { ConcurrencyLimiter, type ConcurrencyLimiterOptions } from './lib/concurrency-limiter.ts';
import { type BrokerConnection, connectBroker, type Delivery } from './mqtt/connection.ts';
import { authenticatorFor } from './pipeline/authenticator.ts';
import { openPoisonGuard } from './pipeline/poison-guard.ts';
import { openRateLimiter } from './pipeline/rate-limiter.ts';
import { Worker } from './pipeline/worker.ts';
import { openWrongTokenLimiter } from './pipeline/wrong-tokens.ts';
import { sharedFilter } from './protocol/topics.ts';
import { connectForQa } from './qa/connection.ts';
import { openMail } from './services/mail/mailer.ts';
import { openSts } from './services/sts/client.ts';
import { openRequestFormats } from './store/formats.ts';
import { openStores, type StoreOptions } from './store/index.ts';
import { openOutbox } from './store/outbox.ts';
import { openRates } from './store/rates.ts';
import { type Database, openRedis } from './store/redis/database.ts';
import { type Probes, serveHttp } from './telemetry/http.ts';
import {
  exposeState,
  instrumentRedis,
  kindLabels,
  observeServices,
  type Telemetry,
} from './telemetry/instrumentation.ts';
import { instrumentMail, instrumentSts } from './telemetry/instrumentation-services.ts';
import { type Log, openLog } from './telemetry/log.ts';
import { type Metrics, openMetrics } from './telemetry/metrics.ts';
import { type Problem, problemsOf, trackConnection, trackReadiness } from './telemetry/readiness.ts';
import { openTracing } from './telemetry/tracing.ts';

/** What was started, and how it is stopped. */
interface Program {
  /** Leave the brokers without losing a request, then end the rest in reverse order; a second call waits for the first. */
  stop(): Promise<void>;
}

/** Start everything, in the order in which the parts need each other. */
async function start(settings: Settings, { log, tracing }: Telemetry): Promise<Program> {
  const closers: (() => Promise<unknown>)[] = [];
  const brokers: BrokerConnection[] = [];
  let stopping: Promise<void> | undefined;
  const metrics = openMetrics(kindLabels);

  const readiness = trackReadiness(log, () => [
    ...brokerProblems(brokers),
    ...problemsOf('redis', redis.state),
  ]);
  const lost = (server: Server): void => (stopping === undefined ? metrics.lost(server) : undefined);
  const trackConnectionOf = trackConnection<Server>(lost, () => readiness.changed());
  const { url, keyPrefix, tls } = settings.redis;
  const redis = openRedis(url, keyPrefix, trackConnectionOf('redis'), tls);
  instrumentRedis(metrics, tracing);
  closers.push(async () => tracing?.close());
  closers.push(() => redis.close());
  const works = openAclWorks(redis, settings.mqtt);
  const context = openContext(settings, { redis, metrics, log, tracing, noteEnd: noteEndAt(works) });
  closers.push(() => Promise.all([context.mail?.close(), context.sts?.close()]));

  const outboxRelay = new OutboxRelay({ outbox: openOutbox(redis), brokers, log });
  const { sessions } = context;
  const following = openFollowing(settings.mqtt, { works, sessions, brokers, metrics, log });
  closers.push(() => bestEffort(following.stop()));
  const poison = openPoisonGuard(settings, redis, { metrics, log });
  const worker = new Worker({
    ...partsBy(settings, redis),
    context,
    ...limitersOf(settings, redis, metrics),
    poison,
    brokers,
    outboxRelay,
    syncBrokerAcl: following.follow,
    metrics,
    tracing,
    log,
  });
  exposeState(metrics, { settings, brokers, isReady: () => readiness.troubles().length === 0 });

  const http = await serveProbes(settings.http, metrics, { ...readiness, remarks: following.remarks });
  closers.push(async () => http?.close());

  const connectAs = connectingAs(settings, redis, log, (delivery) => void worker.serve(delivery));
  const clientId = ownClientId(settings.mqtt, log);
  const registry = openWorkerRegistry(redis, clientId);
  const onTakeover = metrics.sessionTakenOver;
  const takeover = new SessionTakeover({ registry, times: settings.takeover, connectAs, onTakeover, log });
  closers.push(() => bestEffort(registry.leave()));
  closers.push(() => bestEffort(takeover.stop()));

  brokers.push(...connectAs(settings.mqtt.clientId));
  for (const broker of brokers) broker.onState(trackConnectionOf('broker'));
  // The heartbeat goes on until the brokers are left, or an heir would take over what is just being finished.
  closers.push(() => Promise.all(brokers.map((broker) => broker.leave())));
  closers.push(() => bestEffort(takeover.pause()));
  closers.push(async () => outboxRelay.stop());
  closers.push(() => bestEffort(poison.leave()));

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
function connectWith({ qa, etfLimits: limits }: Settings, redis: Database, log: Log): typeof connectBroker {
  if (!qa.text && !qa.mirror) return connectBroker;
  log.info(qa, 'QA is on: requests may be text (QA_TEXT), or are mirrored on qa/# (QA_MIRROR)');
  return connectForQa({ ...qa, limits, formats: openRequestFormats(redis) }, connectBroker);
}

/** Connect to every broker under a client id. */
function connectingAs(
  settings: Settings,
  redis: Database,
  log: Log,
  serve: (delivery: Delivery) => void,
): (clientId: string) => BrokerConnection[] {
  const connect = connectWith(settings, redis, log);
  const filter = sharedFilter(settings.mqtt.shareGroup);
  return (clientId) =>
    settings.mqtt.urls.map((url) =>
      connect({ ...settings.mqtt, url, clientId, filter }, serve, log.child({ connectedAs: clientId })),
    );
}

/** A session made for an id without the prefix would let a phone take the worker's place. */
function ownClientId({ clientId, workerPrefix }: Settings['mqtt'], log: Log): string {
  const message =
    'MQTT_CLIENT_ID does not begin with MQTT_WORKER_PREFIX: nothing keeps this client id from a phone';
  if (!clientId.startsWith(workerPrefix)) log.warn({ clientId, workerPrefix }, message);
  return clientId;
}

type Server = 'broker' | 'redis';

/** Before the first connection there is none to ask. */
function brokerProblems(brokers: readonly BrokerConnection[]): Problem[] {
  if (brokers.length === 0) return [{ server: 'broker', cause: 'not connected yet' }];
  return brokers.flatMap(({ state }, index) => problemsOf(`broker ${index + 1}`, state));
}

/** What a worker takes from the settings alone. */
function partsBy(settings: Settings, redis: Database) {
  return {
    authenticator: authenticatorFor(settings.clientIdentity, settings.mqtt.workerPrefix),
    limits: settings.etfLimits,
    replyQos: settings.mqtt.replyQos,
    timeoutMs: settings.requestDeadlineMs,
    isStoreAway: () => !redis.state.connected,
  };
}

/** Wrong tokens are limited where tokens vouch for clients. */
function limitersOf({ clientIdentity, clientRate }: Settings, redis: Database, metrics: Metrics) {
  const rateLimiter = openRateLimiter({ ...clientRate, rates: openRates(redis) });
  const wrongTokens = clientIdentity === 'token' ? openWrongTokenLimiter(metrics.wrongToken) : undefined;
  return { rateLimiter, wrongTokens };
}

async function serveProbes(
  { port, host }: Settings['http'],
  metrics: Metrics,
  readiness: Pick<Probes, 'troubles' | 'remarks'>,
) {
  if (port === 0) return undefined;
  return serveHttp(port, host, {
    ...readiness,
    metrics: async () => ({ text: await metrics.text(), contentType: metrics.contentType }),
  });
}

/** What need not be said, and can't be while Redis is away: others then find out by themselves. */
function bestEffort(saying: Promise<void>): Promise<void> {
  return Promise.race([saying.catch(() => undefined), sleep(bestEffortMs)]);
}

const bestEffortMs = 1_000;

interface MeansParts extends Telemetry, Pick<StoreOptions, 'noteEnd'> {
  readonly redis: Database;
  readonly metrics: Metrics;
}

/** What handlers may use: the stores, and the two foreign services if they are set. */
function openContext(settings: Settings, { redis, metrics, log, tracing, noteEnd }: MeansParts): Context {
  const { mail, aws } = settings;
  const observe = observeServices(metrics, tracing);
  const limiter = (options: ConcurrencyLimiterOptions): ConcurrencyLimiter => {
    const opened = new ConcurrencyLimiter(options);
    metrics.limiter(opened);
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
    mail: mail && instrumentMail(openMail(mail, log), observe),
    mailLimiter: limiter({
      name: 'mail',
      concurrency: mail?.connections ?? 1,
      maxQueued: settings.mailQueue,
    }),
    sts: aws && instrumentSts(openSts(aws, log), observe),
    stsLimiter: limiter({ name: 'sts', concurrency: settings.awsConcurrency, maxQueued: settings.awsQueue }),
    awsFastReplyMs: settings.awsFastReplyMs,
  };
}

/** A record of a done request outlives the broker's session by this, so that no redelivery finds it gone. */
const doneMarginSeconds = 300;

/** Stop on the first SIGTERM or SIGINT; requests that are not done in time stay with the broker, for their redelivery. */
function stopOnSignal(program: Program, log: Log, timeoutMs: number): void {
  const stop = async (signal: string): Promise<void> => {
    log.info({ signal }, 'stopping');
    const timer = setTimeout(() => {
      log.warn('stopped before all requests were done: the broker redelivers them');
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
