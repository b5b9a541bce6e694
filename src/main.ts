import './lib/v8-flags.ts'; // first: the flags count from then on

import { noteEndAt, openAclWorks, openBrokerAclSync } from './broker-acl/index.ts';
import { announce } from './config/announce.ts';
import { EXIT_CONFIG, SettingsError } from './config/error.ts';
import { readSettings, recordSeconds, type Settings } from './config/settings.ts';
import { version } from './config/version.ts';
import { openClientIdConflict } from './failover/client-id-conflict.ts';
import { type ConnectingSettings, connectingAs } from './failover/connecting.ts';
import { openFailover } from './failover/failover.ts';
import { OutboxRelay } from './failover/outbox-relay.ts';
import { type Running, stop } from './failover/stopping.ts';
import { openWorkerRegistry } from './failover/worker-registry.ts';
import type { Context } from './handlers/handler.ts';
import { limiterNames, requests } from './handlers/index.ts';
import { cached } from './lib/cached.ts';
import { ConcurrencyLimiter, type ConcurrencyLimiterOptions } from './lib/concurrency-limiter.ts';
import { Shutdown } from './lib/shutdown.ts';
import { expectRequests } from './lib/v8-flags.ts';
import type { BrokerConnection, Delivery, Publisher } from './mqtt/connection.ts';
import { authenticatorFor } from './pipeline/authenticator.ts';
import { FanOuts, type FanOutsDeps } from './pipeline/fan-outs.ts';
import { openPoisonGuard } from './pipeline/poison-guard.ts';
import { openRateLimiter } from './pipeline/rate-limiter.ts';
import { limitingServices } from './pipeline/service-rates.ts';
import { Worker } from './pipeline/worker.ts';
import { openWrongTokenLimiter } from './pipeline/wrong-tokens.ts';
import { presenceFilter, presenceTopic } from './protocol/presence-topics.ts';
import { Topics } from './protocol/topics.ts';
import { openQa, openQaStation } from './qa/station.ts';
import { openMail } from './services/mail/mailer.ts';
import { preloading } from './services/preload.ts';
import { openSts } from './services/sts/client.ts';
import { fleetOf } from './store/fleet.ts';
import { openRequestFormats } from './store/formats.ts';
import { openStores, type StoreOptions } from './store/index.ts';
import { openOutbox } from './store/outbox.ts';
import { openRates } from './store/rates.ts';
import { redisCalls } from './store/redis/calls.ts';
import { type Database, openRedis } from './store/redis/database.ts';
import { watchAway } from './store/redis/health.ts';
import { type Probes, serveHttp } from './telemetry/http.ts';
import { CallInstrumentation } from './telemetry/instrumentation-calls.ts';
import { exitOnUncaughtErrors, type Log, openLog } from './telemetry/log.ts';
import { type LogOutput, openLogOutput } from './telemetry/log-output.ts';
import { type Metrics, openMetrics } from './telemetry/metrics.ts';
import { openTracing } from './telemetry/open-tracing.ts';
import { brokerProblems, problemsOf, trackConnection, trackReadiness } from './telemetry/readiness.ts';
import type { Tracing } from './telemetry/tracing.ts';

// On Node 20 the SDK would print a notice between the lines of the log.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

if (process.argv.includes('--version')) {
  process.stdout.write(`${version}\n`);
  process.exit(0);
}

// Before anything else, since a start takes a moment: process 1 of a container ignores a signal that has no listener.
const signalled = new Promise<string>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, resolve);
});

try {
  // A worker that was meant to be another program would take requests.
  if (process.argv.length > 2)
    throw new SettingsError(['main.js takes no arguments: for profilectl start cli/main.js']);
  const settings = readSettings(process.env);
  const onTrouble = (): void => log.warn('traces could not be sent');
  const tracing = await openTracing(settings.tracesUrl, { instance: settings.mqtt.clientId, onTrouble });
  const output = openLogOutput();
  const log = openLog(settings.logLevel, output, tracing?.ids);
  exitOnUncaughtErrors(log);
  announce(settings, process.env, log);
  const running = { shutdown: new Shutdown(), brokers: [] };
  void signalled.then((signal) => stop(running, signal, log, settings.shutdownTimeoutMs));
  await start(settings, { log, output, tracing }, running);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'cannot start'}\n`);
  process.exit(error instanceof SettingsError ? EXIT_CONFIG : 1);
}

interface Telemetry {
  readonly log: Log;
  readonly output: LogOutput;
  /** Absent unless traces are on. */
  readonly tracing: Tracing | undefined;
}

/** What has started so far; a signal may stop it meanwhile. */
interface Starting extends Running {
  readonly brokers: BrokerConnection[];
}

/** Start everything, in the order in which the parts need each other. */
async function start(
  settings: Settings,
  { log, output, tracing }: Telemetry,
  { shutdown, brokers }: Starting,
): Promise<void> {
  const topics = new Topics(settings.topics);
  const publishers: Publisher[] = [];
  const metrics = openMetrics(limiterNames, version);
  const calls = new CallInstrumentation(metrics, tracing);
  calls.redis();
  shutdown.add(() => tracing?.close());

  const readiness = trackReadiness(log, () => [
    ...brokerProblems(brokers.map(({ state }) => state)),
    ...problemsOf('redis', { ...redis.state, subscribed: redis.state.fault === undefined }),
  ]);
  const isReady = (): boolean => readiness.troubles().length === 0;
  const inFlightLimit = settings.mqtt.receiveMaximum * settings.mqtt.urls.length;
  metrics.read({ isReady, brokers, inFlightLimit, redisCalls });
  const onLost = (server: 'broker' | 'redis') => shutdown.isRunning || metrics.lost(server);
  const trackConnectionOf = trackConnection(onLost, () => readiness.changed() && preload.begin());

  const { url, keyPrefix, access } = settings.redis;
  const redis = openRedis(url, keyPrefix, trackConnectionOf('redis'), access);
  calls.faultsOf(redis);
  shutdown.add(() => redis.close());
  const works = openAclWorks(redis, settings.mqtt);
  const context = openContext(settings, redis, { metrics, calls, log, noteEnd: noteEndAt(works) });
  const preload = preloading({ mail: context.mail, sts: context.sts }, log, expectRequests);
  shutdown.add(() => Promise.all([preload.stop(), context.mail?.close(), context.sts?.close()]));

  const outboxRelay = new OutboxRelay({ outbox: openOutbox(redis), brokers: publishers, log });
  const beside = { topics, metrics, log };
  const fanOuts = openFanOuts(settings, { stores: context, brokers: publishers, outboxRelay, ...beside });
  const { sessions } = context;
  const aclSync = openBrokerAclSync(settings.mqtt, { works, sessions, brokers, ...beside });
  shutdown.addBestEffort(() => aclSync.stop());
  const poison = openPoisonGuard(settings, redis, { metrics, log });
  const worker = new Worker({
    ...settingsOfWorker(settings, topics, redis),
    ...limitersOf(settings, redis, metrics),
    ...{ context, poison, brokers: publishers, outboxRelay, fanOuts, metrics, tracing, log },
    syncBrokerAcl: aclSync.sync,
  });

  const clientId = openClientIdConflict(redis, settings.mqtt, { onConflict: metrics.clientIdConflict, log });
  const remarks = () => [...clientId.remarks(), ...aclSync.remarks(), ...output.troubles()];
  const http = await serveProbes(settings, { metrics, log }, { ...readiness, remarks });
  shutdown.add(() => http?.close());

  const qa = await openQa(settings, { ...beside, requests, records: openRequestFormats(redis), ...sessions });
  const serve = (delivery: Delivery) => void worker.serve(qa?.receive(delivery) ?? delivery);
  const connectAs = connectingAs(connectingSettings(settings, topics), log, serve);
  const ofFailover = { ...failoverSettings(settings, redis), onTakeover: metrics.sessionTakenOver };
  const failover = await openFailover(redis, { ...ofFailover, brokers, log, connectAs }, shutdown);
  if (failover === undefined) return;

  brokers.push(...connectAs(settings.mqtt.clientId, { heard: failover.heard }));
  for (const [place, broker] of brokers.entries()) {
    broker.onState(trackConnectionOf('broker'));
    failover.watch(broker, place);
    clientId.watch(broker);
    publishers.push(qa?.publisher(broker) ?? broker);
  }
  shutdown.addBestEffort(openQaStation({ mqtt: settings.mqtt, qa, brokers, ...readiness, version, log }));
  failover.stopWith(shutdown);
  shutdown.add(() => outboxRelay.stop());
  shutdown.addBestEffort(() => fanOuts.stop());
  shutdown.addBestEffort(() => poison.leave());
  shutdown.add(() => readiness.stopping());
}

function failoverSettings({ mqtt, takeover: times }: Settings, redis: Database) {
  const topicOf = (worker: string): string => presenceTopic(mqtt.shareGroup, worker);
  return { registry: openWorkerRegistry(redis, mqtt.clientId, fleetOf(mqtt)), times, topicOf };
}

function openFanOuts(
  { mqtt: { replyQos, replyExpirySeconds } }: Settings,
  deps: Omit<FanOutsDeps, 'replyQos' | 'replyExpirySeconds'>,
): FanOuts {
  return new FanOuts({ ...deps, replyQos, replyExpirySeconds });
}

/** What a worker takes from the settings alone. */
function settingsOfWorker(settings: Settings, topics: Topics, redis: Database) {
  const { clientIdentity, mqtt, servicePrefix, etfLimits, requestDeadlineMs } = settings;
  return {
    topics,
    authenticator: authenticatorFor(
      clientIdentity,
      { worker: mqtt.workerPrefix, service: servicePrefix },
      topics,
    ),
    limits: etfLimits,
    replyQos: mqtt.replyQos,
    replyExpirySeconds: mqtt.replyExpirySeconds,
    timeoutMs: requestDeadlineMs,
    isStoreAway: watchAway(redis),
  };
}

/** Wrong tokens have a limiter only where tokens identify clients. */
function limitersOf(settings: Settings, redis: Database, metrics: Metrics) {
  const { clientIdentity, clientRate, servicePrefix, serviceRate } = settings;
  const rates = openRates(redis);
  const clients = openRateLimiter({ ...clientRate, rates });
  const rateLimiter =
    servicePrefix === undefined
      ? clients
      : limitingServices(servicePrefix, { clients, services: openRateLimiter({ ...serviceRate, rates }) });
  const wrongTokens = clientIdentity === 'token' ? openWrongTokenLimiter(metrics.wrongToken) : undefined;
  return { rateLimiter, wrongTokens };
}

interface ContextDeps extends Pick<StoreOptions, 'noteEnd'> {
  readonly metrics: Metrics;
  readonly calls: CallInstrumentation;
  readonly log: Log;
}

/** What handlers may use: the stores, and the two foreign services if they are set. */
function openContext(settings: Settings, redis: Database, deps: ContextDeps): Context {
  const { mail, aws } = settings;
  const { metrics, calls, log, noteEnd } = deps;
  const limiter = (options: ConcurrencyLimiterOptions): ConcurrencyLimiter => {
    const opened = new ConcurrencyLimiter(options);
    metrics.limiter(opened);
    return opened;
  };
  if (mail === undefined) log.info('SMTP_URL is not set: link answers email_send');
  if (aws === undefined) log.info('AWS_ROLE_ARN is not set: aws answers the error aws');
  return {
    ...openStores(redis, {
      doneSeconds: recordSeconds(settings),
      profileBytes: settings.profileBytes,
      verifySecret: settings.verifySecret,
      credentialsKeys: settings.credentialsKeys,
      askingLapseMs: (aws?.deadlineMs ?? 0) + 5_000,
      // They wait in the in-flight window, as do those that ask STS or the mail server.
      maxWaitingForSts: Math.ceil(settings.mqtt.receiveMaximum / 4),
      noteEnd,
      fleet: fleetOf(settings.mqtt),
    }),
    mail: mail && calls.mail(openMail(mail, log)),
    mailLimiter: limiter({
      name: 'mail',
      concurrency: mail?.connections ?? 1,
      maxQueued: settings.mailQueue,
    }),
    sts: aws && calls.sts(openSts(aws, log)),
    stsLimiter: limiter({ name: 'sts', concurrency: settings.awsConcurrency, maxQueued: settings.awsQueue }),
    awsFastReplyMs: settings.awsFastReplyMs,
    contactLayout: settings.contactLayout,
  };
}

function connectingSettings({ mqtt, clientIdentity }: Settings, topics: Topics): ConnectingSettings {
  const { shareGroup } = mqtt;
  const topicOf = (worker: string): string => presenceTopic(shareGroup, worker);
  return {
    ...mqtt,
    filter: topics.sharedFilter(shareGroup),
    senderOf: (topic) => topics.senderOf(topic, clientIdentity),
    presence: { topicOf, filter: presenceFilter(shareGroup) },
  };
}

async function serveProbes(
  { http: { port, host }, metricsCacheMs }: Settings,
  { metrics, log }: Pick<Telemetry, 'log'> & { readonly metrics: Metrics },
  readiness: Pick<Probes, 'troubles' | 'remarks'>,
) {
  if (port === 0) return undefined;
  const page = async () => ({ text: await metrics.text(), contentType: metrics.contentType });
  return serveHttp(port, host, { ...readiness, metrics: cached(metricsCacheMs, page) }, log);
}
