import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type CleanedEnv, customCleanEnv, EnvMissingError } from 'envalid';
import type { MailSettings } from '../services/mail/mailer.ts';
import { type StsSettings, stsProblems } from '../services/sts/settings.ts';
import { SettingsError } from './error.ts';
import { specs } from './specs.ts';
import { problemsTogether } from './together.ts';
import { tracesUrl } from './values.ts';

/** What was read, by the names of the settings. */
type Environment = CleanedEnv<typeof specs>;

/** The name of every setting, in the order of `.env.example`. */
export const settingNames: readonly string[] = Object.keys(specs);

/** The settings of one worker, frozen. `.env.example` explains them. */
export type Settings = Readonly<ReturnType<typeof arrange>>;

/**
 * Read the settings from the environment.
 *
 * A name that is not set or empty has its default. `NAME_FILE` is the path of a file with the value of `NAME`.
 * @throws SettingsError with a line for each missing or malformed name, without values.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of settingNames) {
    const value = readValue(env, name, problems);
    if (value !== undefined) given[name] = value;
  }
  const read: Environment = customCleanEnv(given, specs, (cleaned) => cleaned, {
    reporter({ errors }) {
      for (const [name, error] of Object.entries(errors))
        problems.push(`${name} ${error instanceof EnvMissingError ? 'is not set' : error.message}`);
    },
  });
  problems.push(...problemsTogether(given, read, env.NODE_ENV));
  if (problems.length > 0) throw new SettingsError([...new Set(problems)]);
  const settings = arrange(read);
  if (settings.aws !== undefined)
    problems.push(...stsProblems(settings.aws).map((problem) => `AWS: ${problem}`));
  if (problems.length > 0) throw new SettingsError(problems);
  return settings;
}

/**
 * The largest PUBLISH that a worker takes, in bytes: a payload that it reads, 64 KiB each for topic, Correlation Data and
 * Response Topic, and as much for all user properties. At least 512 KiB.
 */
function largestPacket(payloadBytes: number): number {
  return Math.max(512 * 1024, payloadBytes + 4 * 64 * 1024);
}

/** Group the flat environment by the parts of the program. */
function arrange(env: Environment) {
  return Object.freeze({
    mqtt: Object.freeze({
      urls: env.MQTT_URL,
      username: env.MQTT_USERNAME,
      password: env.MQTT_PASSWORD,
      tls: { ca: env.MQTT_CA, cert: env.MQTT_CERT, key: env.MQTT_KEY },
      clientId: env.MQTT_CLIENT_ID ?? `${env.MQTT_WORKER_PREFIX}${hostname()}`,
      workerPrefix: env.MQTT_WORKER_PREFIX,
      shareGroup: env.MQTT_SHARE_GROUP,
      receiveMaximum: env.MQTT_RECEIVE_MAXIMUM,
      maximumPacketSize: largestPacket(env.ETF_PAYLOAD_BYTES),
      sessionExpirySeconds: env.MQTT_SESSION_EXPIRY,
      replyQos: env.REPLY_QOS,
      replyExpirySeconds: env.REPLY_EXPIRY,
      dynamicSecurity: env.MQTT_DYNAMIC_SECURITY,
      dynamicSecuritySweepMs: env.MQTT_DYNAMIC_SECURITY_SWEEP_MS,
    }),
    clientIdentity: env.CLIENT_IDENTITY,
    topics: Object.freeze({
      request: env.REQUEST_TOPIC,
      answer: env.ANSWER_TOPIC,
      notice: env.NOTICE_TOPIC,
    }),
    clientRate: Object.freeze({ rate: env.CLIENT_RATE, burst: env.CLIENT_BURST }),
    servicePrefix: env.SERVICE_CLIENTS,
    serviceRate: Object.freeze({ rate: env.SERVICE_RATE, burst: env.SERVICE_BURST }),
    profileBytes: env.PROFILE_BYTES,
    redis: Object.freeze({ url: env.REDIS_URL, keyPrefix: env.REDIS_KEY_PREFIX, access: redisAccess(env) }),
    contactLayout: env.CONTACT_LAYOUT,
    etfLimits: Object.freeze({
      payloadBytes: env.ETF_PAYLOAD_BYTES,
      nesting: env.ETF_NESTING,
      elements: env.ETF_ELEMENTS,
      inflatedBytes: env.ETF_INFLATED_BYTES,
    }),
    mail: mailSettings(env),
    mailQueue: env.SMTP_QUEUE,
    verifySecret: env.VERIFY_SECRET ?? '',
    aws: awsSettings(env),
    awsFastReplyMs: env.AWS_FAST_REPLY_MS,
    awsConcurrency: env.AWS_CONCURRENCY,
    awsQueue: env.AWS_QUEUE,
    credentialsKeys: env.CREDENTIALS_KEY ?? [],
    http: Object.freeze({ port: env.HTTP_PORT, host: env.HTTP_HOST }),
    metricsCacheMs: env.METRICS_CACHE_MS,
    logLevel: env.LOG_LEVEL,
    tracesUrl: tracesUrl(env.OTEL_EXPORTER_OTLP_ENDPOINT, env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT),
    requestDeadlineMs: env.REQUEST_DEADLINE_MS,
    takeover: Object.freeze({
      heartbeatMs: env.HEARTBEAT_MS,
      silentMs: env.HEIR_AFTER_MS,
      lingerMs: env.TAKEOVER_LINGER_MS,
    }),
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
    qa: Object.freeze({ text: env.QA_TEXT, mirror: env.QA_MIRROR }),
  });
}

const redisAccess = (env: Environment) => ({
  ...{ ca: env.REDIS_CA, cert: env.REDIS_CERT, key: env.REDIS_KEY },
  ...{ sentinelUsername: env.REDIS_SENTINEL_USERNAME, sentinelPassword: env.REDIS_SENTINEL_PASSWORD },
});

function mailSettings(env: Environment): MailSettings | undefined {
  if (env.SMTP_URL === undefined || env.MAIL_FROM === undefined) return undefined;
  return Object.freeze({
    url: env.SMTP_URL,
    ca: env.SMTP_CA,
    cert: env.SMTP_CERT,
    key: env.SMTP_KEY,
    requireTls: env.SMTP_REQUIRE_TLS,
    connections: env.SMTP_CONNECTIONS,
    timeoutMs: env.SMTP_TIMEOUT_MS,
    from: env.MAIL_FROM,
    productName: env.MAIL_PRODUCT_NAME,
    subject: env.MAIL_SUBJECT,
  });
}

/** So long idempotency records are kept: longer than the broker's session, so that no redelivery misses its record. */
export function recordSeconds({ mqtt }: Pick<Settings, 'mqtt'>): number {
  return mqtt.sessionExpirySeconds + 300;
}

function awsSettings(env: Environment): StsSettings | undefined {
  if (env.AWS_ROLE_ARN === undefined || env.AWS_REGION === undefined) return undefined;
  return Object.freeze({
    region: env.AWS_REGION,
    roleArn: env.AWS_ROLE_ARN,
    sessionPolicy: env.AWS_SESSION_POLICY,
    durationSeconds: env.AWS_SESSION_DURATION,
    sessionNamePrefix: env.AWS_SESSION_NAME_PREFIX,
    externalId: env.AWS_EXTERNAL_ID,
    sourceIdentity: env.AWS_SOURCE_IDENTITY,
    tags: env.AWS_SESSION_TAGS,
    deadlineMs: env.AWS_DEADLINE_MS,
  });
}

function readValue(env: NodeJS.ProcessEnv, name: string, problems: string[]): string | undefined {
  const value = env[name];
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return value === '' ? undefined : value;
  if (value !== undefined && value !== '') {
    problems.push(`${name} and ${name}_FILE are both set`);
    return value;
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch {
    problems.push(`${name}_FILE names a file that cannot be read`);
    return undefined;
  }
}
