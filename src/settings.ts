import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/** The environment has a missing or malformed setting; `problems` has a line for each, never a value. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `cannot start, ${problems.length} setting(s) to mend:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** The exit code for a bad configuration (`EX_CONFIG` of sysexits.h). */
export const EXIT_CONFIG = 78;

const integer = (least: number, most: number, preset: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `is not between ${least} and ${most}`)
    .default(preset);

const urls = (protocols: readonly string[]) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine(
      (parts) => parts.every((part) => isUrl(part, protocols)),
      `is not a URL (${protocols.join(' or ')})`,
    );

const text = z.string().min(1, 'is empty');

/** A PEM text, or the path of a file that holds one. */
const pem = z.string().transform((value, context) => {
  if (value.startsWith('-----BEGIN')) return Buffer.from(value);
  try {
    return readFileSync(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'is neither a PEM text nor a file that can be read' });
    return z.NEVER;
  }
});

const redisUrl = z.string().refine(isRedisUrl, 'is not redis://, rediss:// or redis+sentinel://hosts/master');

const schema = z.object({
  MQTT_URL: urls(['mqtt:', 'mqtts:']),
  MQTT_USERNAME: text.optional(),
  MQTT_PASSWORD: text.optional(),
  MQTT_CA: pem.optional(),
  MQTT_CERT: pem.optional(),
  MQTT_KEY: pem.optional(),
  MQTT_CLIENT_ID: z
    .string()
    .regex(/^[^/+#\0]{1,128}$/, 'is not 1 to 128 characters without / + #')
    .default(() => `profile-${hostname()}`),
  MQTT_SHARE_GROUP: z
    .string()
    .regex(/^[^/+#\0]{1,128}$/, 'is not 1 to 128 characters without / + #')
    .default('profile'),
  MQTT_RECEIVE_MAXIMUM: integer(1, 65_535, 256),
  MQTT_SESSION_EXPIRY: integer(0, 4_294_967_295, 300),
  REPLY_QOS: z.enum(['0', '1', '2'], 'is not 0, 1 or 2').transform(toQos).default(1),
  CLIENT_IDENTITY: z.enum(['broker', 'token'], 'is not broker or token').default('broker'),
  REDIS_URL: redisUrl,
  REDIS_KEY_PREFIX: z
    .string()
    .regex(/^[^{}\s]*$/, 'holds a brace or white space')
    .default(''),
  ETF_PAYLOAD_BYTES: integer(64, 16_777_216, 262_144),
  ETF_NESTING: integer(4, 1_000, 64),
  ETF_ELEMENTS: integer(64, 10_000_000, 65_536),
  ETF_INFLATED_BYTES: integer(64, 67_108_864, 1_048_576),
  HTTP_PORT: integer(0, 65_535, 8080),
  HTTP_HOST: text.default('0.0.0.0'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'is not a level of pino')
    .default('info'),
  SHUTDOWN_TIMEOUT_MS: integer(0, 600_000, 25_000),
});

/** The name of every setting, in the order of `.env.example`. */
export const settingNames: readonly string[] = Object.keys(schema.shape);

/** The settings of one worker, frozen. Names and meanings stand in `.env.example`. */
export type Settings = Readonly<ReturnType<typeof arrange>>;

/**
 * Read the settings; changes nothing, ends nothing.
 *
 * A name that is not set, or is empty, has its default. `NAME_FILE` names a file whose text is the value of `NAME`.
 * @throws SettingsError with a line for each name that is missing or malformed, never with a value.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of settingNames) {
    const value = readValue(env, name, problems);
    if (value !== undefined) given[name] = value;
  }
  const read = schema.safeParse(given);
  for (const issue of read.error?.issues ?? []) {
    const name = String(issue.path[0]);
    problems.push(`${name} ${name in given ? issue.message : 'is not set'}`);
  }
  if (!read.success || problems.length > 0) throw new SettingsError([...new Set(problems)]);
  return arrange(read.data);
}

/** Give the flat environment the shape in which the parts of the program take it. */
function arrange(env: z.output<typeof schema>) {
  return Object.freeze({
    mqtt: Object.freeze({
      urls: env.MQTT_URL,
      username: env.MQTT_USERNAME,
      password: env.MQTT_PASSWORD,
      tls: { ca: env.MQTT_CA, cert: env.MQTT_CERT, key: env.MQTT_KEY },
      clientId: env.MQTT_CLIENT_ID,
      shareGroup: env.MQTT_SHARE_GROUP,
      receiveMaximum: env.MQTT_RECEIVE_MAXIMUM,
      sessionExpirySeconds: env.MQTT_SESSION_EXPIRY,
      replyQos: env.REPLY_QOS,
    }),
    clientIdentity: env.CLIENT_IDENTITY,
    redis: Object.freeze({ url: env.REDIS_URL, keyPrefix: env.REDIS_KEY_PREFIX }),
    etfLimits: Object.freeze({
      payloadBytes: env.ETF_PAYLOAD_BYTES,
      nesting: env.ETF_NESTING,
      elements: env.ETF_ELEMENTS,
      inflatedBytes: env.ETF_INFLATED_BYTES,
    }),
    http: Object.freeze({ port: env.HTTP_PORT, host: env.HTTP_HOST }),
    logLevel: env.LOG_LEVEL,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
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

function toQos(text: string): 0 | 1 | 2 {
  return text === '0' ? 0 : text === '1' ? 1 : 2;
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return protocols.includes(url.protocol) && url.hostname !== '';
}

function isRedisUrl(value: string): boolean {
  if (!value.startsWith('redis+sentinel://')) {
    return value.split(',').every((part) => isUrl(part.trim(), ['redis:', 'rediss:']));
  }
  return /^redis\+sentinel:\/\/[^/]+\/[^/]+$/.test(value);
}
