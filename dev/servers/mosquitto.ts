/** The real broker, with the project's own configuration, ACL and plugin; see mosquitto/README.md. */
import { spawnSync } from 'node:child_process';
import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TopicPatterns } from '../../src/protocol/topic-patterns.ts';
import { Topics } from '../../src/protocol/topics.ts';
import type { Certificate } from './certificate.ts';
import { mosquitto, mosquittoHeaders, mosquittoPlugin } from './installed.ts';
import { type Program, type Server, startServer } from './process.ts';

/** The project's `mosquitto/` folder; a broker's working directory has the same layout. */
const SOURCE = fileURLToPath(new URL('../../mosquitto/', import.meta.url));
/**
 * Where the project's plugins are built. A broker with headers of its own has a folder of its own for them, so that a
 * run with another broker leaves the plugins of this machine's broker alone.
 */
export const PLUGINS =
  mosquittoHeaders === undefined
    ? join(SOURCE, 'plugin')
    : join(
        SOURCE,
        '..',
        '.cache',
        'plugins',
        createHash('sha256').update(mosquittoHeaders).digest('hex').slice(0, 12),
      );
const PLUGIN = 'plugin/client_identity.so';
const DELIVERY_PLUGIN = 'plugin/client_delivery.so';
const LOGIN_PLUGINS = ['plugin/phone_login.so', 'plugin/client_binding.so'];
const SQLITE_PLUGIN = 'mosquitto_persist_sqlite.so';
const SECURITY_PLUGIN = 'mosquitto_dynamic_security.so';

export interface MosquittoOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Loads our plugin, default true. Without it requests keep the topic that the client gave them. */
  readonly plugin?: boolean;
  /** Bounds the requests of one client, default true. Without it a client may send as many as it likes. */
  readonly requestLimits?: boolean;
  /** Says on qa/missed/<client> which publishes became no request (`plugin_opt_hints`); default false. */
  readonly hints?: boolean;
  /** With what workers' client ids begin (`plugin_opt_worker_prefix`); default `profile-`. */
  readonly workerPrefix?: string;
  /**
   * Keeps sessions and queued messages over a restart, default true: with persist-sqlite where the broker has it, else by
   * snapshots.
   */
  readonly persistence?: boolean | 'snapshot' | 'sqlite';
  /**
   * Runs as in production: TLS, no client without a user name, rights from the dynamic-security plugin. Default: as
   * in development.
   */
  readonly production?: {
    /** The plugin's file (`initialSecurity` in src/broker-acl/roles.ts). */
    readonly security: string;
    readonly certificate: Certificate;
    /** User names that all phones share, such as `api` (`plugin_opt_users` of phone_login). */
    readonly sharedUsers?: string;
    /** Whom the broker waits for after a start (`plugin_opt_hold` of client_binding); default nobody. */
    readonly hold?: string;
    /** How often a client id may connect (`plugin_opt_connections_per_minute`); default as in production. */
    readonly connectionsPerMinute?: number;
  };
  /**
   * Outside production: clients may also log in with these user names, each with the password of its own client id, as
   * phone_login has it. Others log in without a user name.
   */
  readonly logins?: {
    readonly sharedUsers: string;
    /** By client id. */
    readonly passwords: Readonly<Record<string, string>>;
  };
  /** What the broker hands to clients that have not subscribed, such as `actions,ses` (`plugin_opt_deliver`). */
  readonly deliver?: string;
  /** Default those of clients in the field. */
  readonly topics?: TopicPatterns | undefined;
  /** User names whose clients are sent a first profile (`plugin_opt_init`). */
  readonly init?: string;
  /** More lines for the configuration, after those of mosquitto.conf; they take precedence. */
  readonly extraConfig?: string;
  /** Working directory, kept at the stop. Default: a new one, removed at the stop. */
  readonly folder?: string;
  /** A program and its arguments that runs the broker, such as valgrind. */
  readonly under?: readonly string[];
}

/**
 * Starts a Mosquitto on 127.0.0.1. Outside the production mode it admits clients without a user name.
 * @returns it once it accepts connections; `url` is `mqtt://127.0.0.1:<port>`, in production `mqtts://…`.
 * @throws Error with the broker's log if it does not start, with the compiler's if the plugin does not build.
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Server> {
  const withPlugin = options.plugin ?? true;
  if (withPlugin) await buildPlugin();
  const [command = mosquitto, ...rest] = [...(options.under ?? []), mosquitto, '-c', 'mosquitto.conf'];
  const program: Program = {
    command,
    arguments: rest,
    protocol: options.production === undefined ? 'mqtt' : 'mqtts',
    ready: /mosquitto version \S+ running/,
    configure: (folder, port) => layOut(folder, port, options),
  };
  return startServer(program, { port: options.port, folder: options.folder });
}

/** Uses copies, because Mosquitto 2.1 does not follow links. The folder is then also safe from a rebuild. */
async function layOut(folder: string, port: number, options: MosquittoOptions): Promise<void> {
  await mkdir(join(folder, 'plugin'), { recursive: true });
  await mkdir(join(folder, 'conf.d'), { recursive: true });
  await mkdir(join(folder, 'data'), { recursive: true });
  const acl = await readFile(join(SOURCE, 'acl'), 'utf8');
  await writeFile(join(folder, 'acl'), withTopics(acl, options.topics));
  await layOutPersistence(folder, options.persistence);
  const conf = await readFile(join(SOURCE, 'mosquitto.conf'), 'utf8');
  const hinting = options.hints ? conf.replace(/^#(plugin_opt_hints true)$/m, '$1') : conf;
  const prefixed =
    options.workerPrefix === undefined
      ? hinting
      : hinting.replace(
          /^#plugin_opt_worker_prefix .*$/m,
          `plugin_opt_worker_prefix ${options.workerPrefix}`,
        );
  const shipped = withTopics(prefixed, options.topics);
  const unlimited = shipped.replaceAll(
    /^(plugin_opt_request\S+_per_second|plugin_opt_request_payload_bytes) .*$/gm,
    '$1 0',
  );
  const config = (options.requestLimits ?? true) ? shipped : unlimited;
  if (options.plugin ?? true) {
    for (const plugin of [PLUGIN, DELIVERY_PLUGIN]) await cp(built(plugin), join(folder, plugin));
    await writeFile(join(folder, 'mosquitto.conf'), config);
  } else {
    await writeFile(join(folder, 'mosquitto.conf'), config.replaceAll(/^plugin/gm, '# $&'));
  }
  const lines = options.production
    ? await layOutProduction(folder, port, options.production)
    : [...(await layOutLogins(folder, options)), ...open(port)];
  await writeFile(
    join(folder, 'conf.d', 'listener.conf'),
    `${[...delivery(options), ...lines, ...more(options)].join('\n')}\n`,
  );
}

/** The project's own configuration or ACL with other topics, as mosquitto/README.md says how to change them. */
function withTopics(text: string, patterns: TopicPatterns | undefined): string {
  if (patterns === undefined) return text;
  const topics = new Topics(patterns);
  return text
    .replace(/^plugin plugin\/client_identity\.so$/m, `$&\nplugin_opt_request_topic ${patterns.request}`)
    .replace('topic read events/#', `topic read ${topics.requests}`)
    .replace('topic write actions/#', `topic write ${topics.answers}`)
    .replace('topic write ses/#', `topic write ${topics.notices}`)
    .replace('write events/1/+/api/+/+/+', `write ${topics.requests}`)
    .replaceAll('read actions/1/api/%c', `read ${topics.answer('%c')}`)
    .replace('read ses/%u', `read ${topics.notice('%u')}`);
}

/** Uses one of the files that are shipped. */
async function layOutPersistence(
  folder: string,
  wanted: MosquittoOptions['persistence'] = true,
): Promise<void> {
  await mkdir(join(folder, 'persistence.d'), { recursive: true });
  if (wanted === false) return;
  const plugin = sqlitePlugin();
  const kind = wanted === true ? (plugin === undefined ? 'snapshot' : 'sqlite') : wanted;
  if (kind === 'sqlite') {
    if (plugin === undefined) throw new Error(`${noSqlite} (MOSQUITTO is the path of one that has)`);
    await cp(plugin, join(folder, 'plugin', SQLITE_PLUGIN));
  }
  const file = `${kind}.conf`;
  await cp(join(SOURCE, 'persistence', file), join(folder, 'persistence.d', file));
}

const noSqlite = `${mosquitto} has no ${SQLITE_PLUGIN}, which comes with Mosquitto 2.1`;

function sqlitePlugin(): string | undefined {
  try {
    return mosquittoPlugin(SQLITE_PLUGIN);
  } catch {
    return undefined;
  }
}

/** Why a test of persist-sqlite cannot run here; `false` where it can. */
export const withoutSqlite: string | false = sqlitePlugin() === undefined && noSqlite;

/** It comes before the plugin or the file that decides. */
function delivery({ deliver, init, topics }: MosquittoOptions): string[] {
  const { request, answer, notice } = topics ?? {};
  const patterns = { request_topic: request, answer_topic: answer, notice_topic: notice };
  const options = Object.entries({ deliver, init, ...patterns }).flatMap(([option, value]) =>
    value === undefined ? [] : [`plugin_opt_${option} ${value}`],
  );
  return deliver === undefined && init === undefined ? [] : [`plugin ${DELIVERY_PLUGIN}`, ...options];
}

/** Admits clients without a user name from this machine only, as development.d/ does, on another port. */
const open = (port: number): string[] => [
  `listener ${port} 127.0.0.1`,
  'allow_anonymous true',
  'acl_file acl',
];

async function layOutLogins(folder: string, { logins }: MosquittoOptions): Promise<string[]> {
  if (logins === undefined) return [];
  const [login = ''] = LOGIN_PLUGINS;
  await cp(built(login), join(folder, login));
  const lines = Object.entries(logins.passwords).map(([name, password]) => `${name}:${hashed(password)}\n`);
  await writeFile(join(folder, 'passwords'), lines.join(''), { mode: 0o600 });
  return [`plugin ${login}`, `plugin_opt_users ${logins.sharedUsers}`, 'password_file passwords'];
}

/** As mosquitto_passwd writes it: PBKDF2 with SHA-512. */
export function hashed(password: string): string {
  const [salt, iterations] = [randomBytes(12), 101];
  const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  return `$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** Uses the file of production; only the listening address differs. */
async function layOutProduction(
  folder: string,
  port: number,
  production: NonNullable<MosquittoOptions['production']>,
): Promise<string[]> {
  const { security, certificate, sharedUsers, hold = 'worker=0', connectionsPerMinute } = production;
  await mkdir(join(folder, 'tls'), { recursive: true });
  await writeFile(join(folder, 'tls', 'server.crt'), certificate.cert);
  await writeFile(join(folder, 'tls', 'server.key'), certificate.key);
  await writeFile(join(folder, 'data', 'dynamic-security.json'), security);
  for (const plugin of LOGIN_PLUGINS) await cp(built(plugin), join(folder, plugin));
  await cp(mosquittoPlugin(SECURITY_PLUGIN), join(folder, 'plugin', SECURITY_PLUGIN));
  const config = await readFile(join(SOURCE, 'production.d', 'production.conf'), 'utf8');
  const shared = sharedUsers === undefined ? '' : `\nplugin_opt_users ${sharedUsers}`;
  return [
    config
      .replace(/^listener 8883$/m, `listener ${port} 127.0.0.1`)
      .replace(/^plugin plugin\/phone_login\.so$/m, `$&${shared}`)
      .replace(/^plugin plugin\/client_binding\.so$/m, `$&\nplugin_opt_hold ${hold}`)
      .replace(
        /^(plugin_opt_connections_per_minute) (.*)$/m,
        (_, name, preset) => `${name} ${connectionsPerMinute ?? preset}`,
      ),
  ];
}

/** The file of a plugin of ours. @param plugin - its path in a broker's folder, such as `plugin/client_identity.so`. */
const built = (plugin: string): string => join(PLUGINS, basename(plugin));

function more(options: MosquittoOptions): string[] {
  const lines: string[] = [];
  // Mosquitto switches from root to its own user, who may not write to this folder.
  if (process.getuid?.() === 0) lines.push('user root');
  if (options.extraConfig !== undefined) lines.push(options.extraConfig);
  return lines;
}

/** Makes the plugins, unless they are newer than their sources. @throws Error with the output of the compiler. */
export async function buildPlugin(): Promise<void> {
  const changed = async (file: string) => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
  const plugins = [PLUGIN, DELIVERY_PLUGIN, ...LOGIN_PLUGINS];
  const sources = [
    ...plugins.map((file) => file.replace(/so$/, 'c')),
    'plugin/broker.h',
    'plugin/hints.h',
    'plugin/properties.h',
    'plugin/request_limit.h',
    'plugin/topics.h',
    'plugin/Makefile',
  ];
  const newest = Math.max(...(await Promise.all(sources.map((file) => changed(join(SOURCE, file))))));
  const oldest = Math.min(...(await Promise.all(plugins.map((file) => changed(built(file))))));
  if (oldest >= newest) return;
  await mkdir(PLUGINS, { recursive: true });
  const headers = mosquittoHeaders === undefined ? [] : [`OUT=${PLUGINS}/`, `CPPFLAGS=-I${mosquittoHeaders}`];
  const make = spawnSync('make', ['-C', join(SOURCE, 'plugin'), ...headers], { encoding: 'utf8' });
  if (make.status === 0) return;
  const output = make.error === undefined ? `${make.stdout}${make.stderr}` : make.error.message;
  throw new Error(
    `make -C mosquitto/plugin failed; it needs make, a C compiler and Mosquitto's headers (mosquitto-dev):\n${output}`,
  );
}
