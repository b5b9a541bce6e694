import { createHash, randomBytes } from 'node:crypto';
import { Command, Option } from 'commander';
import { type SignInDeps, signIn, signOut, signOutPhone } from '../broker-acl/sign-in.ts';
import { SettingsError } from '../config/error.ts';
import { encodeFragment } from '../etf/index.ts';
import { readPhone } from '../protocol/phone.ts';
import type { Connections } from './connections.ts';
import { CliFault, type Terminal } from './terminal.ts';

interface Options {
  readonly client: string;
  readonly phone: string;
  readonly redisOnly?: boolean;
  readonly json?: boolean;
}

/** `profilectl session …`: the sessions of phones, in Redis and in the brokers' dynamic-security plugin. */
export function sessionCommand(connections: Connections, terminal: Terminal): Command {
  const session = new Command('session').description('the clients that are signed in for a phone');
  const redisOnly = new Option(
    '--redis-only',
    'leave the brokers alone: they have no dynamic-security plugin',
  );
  const json = new Option('--json', 'for scripts');
  const client = ['--client <id>', 'MQTT client id'] as const;
  const phone = ['--phone <digits>', '5 to 15 digits'] as const;

  session
    .command('add')
    .description('make a session and print its token, once')
    .requiredOption(...client)
    .requiredOption(...phone)
    .addOption(redisOnly)
    .addOption(json)
    .action((options: Options) =>
      add(options, connections, terminal).catch((error) => withoutBrokers(error, options)),
    );
  session
    .command('remove')
    .description('end a session, or all of a phone, and cut their clients off')
    .option(...client)
    .addOption(
      new Option('--phone <digits>', 'log out everywhere: all sessions of this phone').conflicts('client'),
    )
    .addOption(redisOnly)
    .action((options: Partial<Options>) =>
      remove(options, connections, terminal).catch((error) => withoutBrokers(error, options)),
    );
  session
    .command('rotate')
    .description('give a session another token and print it, once; the old one is invalid from then on')
    .requiredOption(...client)
    .addOption(redisOnly)
    .addOption(json)
    .action((options: Options) =>
      rotate(options, connections, terminal).catch((error) => withoutBrokers(error, options)),
    );
  session
    .command('list')
    .description(
      'the sessions of a phone, or all, and whether the brokers know them; with --redis-only they are not asked',
    )
    .option(...phone)
    .addOption(redisOnly)
    .addOption(json)
    .action((options: Partial<Options>) =>
      list(options, connections, terminal).catch((error) => withoutBrokers(error, options)),
    );
  return session.addHelpText('after', help);
}

const help = `
The settings are the worker's: MQTT_URL, MQTT_USERNAME and MQTT_PASSWORD of a user who may manage the broker's clients,
MQTT_CA, REDIS_URL, …

Examples:
  $ profilectl session add --client emqttd_42 --phone 380501112233
  $ profilectl session list --phone 380501112233
  $ profilectl session rotate --client emqttd_42
  $ profilectl session remove --client emqttd_42
  $ profilectl session remove --phone 380501112233`;

async function add(options: Options, connections: Connections, terminal: Terminal): Promise<void> {
  const client = phonesClientIn(options.client, connections);
  const phone = phoneIn(options.phone);
  const token = newToken();
  const deps = await connections.brokerAcls(options.redisOnly);
  if ((await signIn({ client, phone, token }, hashOf(token), deps)) === 'changed')
    throw new CliFault(`${client} has a session already; remove it first, or rotate its token`);
  printToken({ client, phone, token }, options, terminal);
}

async function rotate(options: Options, connections: Connections, terminal: Terminal): Promise<void> {
  const client = phonesClientIn(options.client, connections);
  const { sessions, brokers } = await connections.brokerAcls(options.redisOnly);
  const phone = (await sessions.phoneOf(client)) ?? noSession(client);
  const token = newToken();
  // The broker comes first: if it refuses, the old token stays valid everywhere.
  for (const broker of brokers) await broker.rotate(client, token);
  if ((await sessions.rotate(client, phone, hashOf(token))) === 'changed') noSession(client);
  printToken({ client, phone, token }, options, terminal);
}

async function remove(
  options: Partial<Options>,
  connections: Connections,
  terminal: Terminal,
): Promise<void> {
  const { client, phone, redisOnly } = options;
  if (client !== undefined) return removeClient(client, await connections.brokerAcls(redisOnly), terminal);
  if (phone !== undefined) return removePhone(phone, await connections.brokerAcls(redisOnly), terminal);
  throw new CliFault('--client names the session to end; --phone ends all sessions of a phone', 2);
}

async function removeClient(text: string, deps: SignInDeps, terminal: Terminal): Promise<void> {
  const client = clientIdIn(text);
  const phone = await deps.sessions.phoneOf(client);
  // Also without a session, to remove what a failed earlier call left in a broker.
  await signOut(client, phone, deps).catch((error: Error) => {
    if (phone === undefined) throw error;
    // A worker with MQTT_DYNAMIC_SECURITY=on completes it; without one, this command can be repeated.
    throw new CliFault(`the session has ended, but a broker still lets ${client} in: ${error.message}`);
  });
  if (phone === undefined) noSession(client);
  terminal.note(`the session of ${client} has ended`);
}

/** A phone without a session is no fault: it is logged out everywhere. */
async function removePhone(text: string, deps: SignInDeps, terminal: Terminal): Promise<void> {
  const phone = phoneIn(text);
  const { clients, failure } = await signOutPhone(phone, deps);
  if (failure !== undefined && clients.length === 0) throw failure;
  if (failure !== undefined)
    throw new CliFault(
      `the sessions of ${phone} have ended, but a broker still lets ${clients.join(', ')} in: ${failure.message}`,
    );
  if (clients.length === 0) terminal.note(`${phone} has no session`);
  for (const client of clients) terminal.note(`the session of ${client} has ended`);
}

async function list(options: Partial<Options>, connections: Connections, terminal: Terminal): Promise<void> {
  const phone = options.phone === undefined ? undefined : phoneIn(options.phone);
  const sessions = await (await connections.sessions()).list(phone);
  const rows = await Promise.all(
    sessions.map(async (session) => ({ ...session, broker: await inBrokers(session, options, connections) })),
  );
  if (options.json) {
    terminal.print(JSON.stringify(rows));
    return;
  }
  const width = Math.max(6, ...rows.map(({ client }) => client.length));
  const line = (cells: readonly string[]) =>
    terminal.print(
      `${cells[0]?.padEnd(width)}  ${cells[1]?.padEnd(15)}  ${cells[2]?.padEnd(5)}  ${cells[3]}`,
    );
  line(['CLIENT', 'PHONE', 'TOKEN', 'BROKER']);
  for (const { client, phone, hasToken, broker } of rows)
    line([client, phone, hasToken ? 'yes' : 'no', broker === undefined ? '-' : broker ? 'yes' : 'no']);
}

/** Whether every broker has the client; `undefined` if they were not asked. */
async function inBrokers(
  { client, phone }: { readonly client: string; readonly phone: string },
  options: Pick<Options, 'redisOnly'>,
  connections: Connections,
): Promise<boolean | undefined> {
  if (options.redisOnly) return undefined;
  const { brokers } = await connections.brokerAcls();
  const known = await Promise.all(brokers.map(({ clients }) => clients.of(phone)));
  return known.every((clients) => clients.includes(client));
}

/** Name the way out to who has no such broker, whatever is wrong with it. */
function withoutBrokers(error: unknown, { redisOnly }: Pick<Options, 'redisOnly'>): never {
  if (
    !redisOnly &&
    error instanceof Error &&
    !(error instanceof CliFault) &&
    !(error instanceof SettingsError)
  )
    throw new CliFault(`${error.message}; ${otherwise}`);
  throw error;
}

const otherwise = 'with --redis-only the brokers are left alone, for those without the plugin';

function printToken(
  session: { readonly client: string; readonly phone: string; readonly token: string },
  { json }: Pick<Options, 'json'>,
  terminal: Terminal,
): void {
  terminal.note(`the token of ${session.client}, which is kept nowhere and can't be shown again:`);
  terminal.print(json ? JSON.stringify(session) : session.token);
}

/** 256 random bits, in characters that need no quoting in a shell, a URL or a topic. */
export const newToken = (): string => randomBytes(32).toString('base64url');

export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** The client id becomes a topic level and a part of a key. */
export function clientIdIn(text: string): string {
  if (/^[^/+#\0\s]{1,128}$/.test(text)) return text;
  throw new CliFault('a client id is 1 to 128 characters without / + # or white space');
}

/** A phone with a worker's client id would receive that worker's requests; one with a service's is never answered. */
export function phonesClientIn(text: string, { redisSettings }: Connections): string {
  const { servicePrefix, mqtt } = redisSettings;
  const { workerPrefix } = mqtt;
  if (servicePrefix !== undefined && text.startsWith(servicePrefix))
    throw new CliFault(
      `client ids that begin with ${servicePrefix} are the trusted services’; no phone has one`,
    );
  if (!text.startsWith(workerPrefix)) return clientIdIn(text);
  throw new CliFault(`client ids that begin with ${workerPrefix} are the workers’; no phone has one`);
}

export function phoneIn(text: string): string {
  return readPhone(encodeFragment(Buffer.from(text))) ?? fail('a phone is 5 to 15 digits');
}

function noSession(client: string): never {
  return fail(`${client} has no session`);
}

function fail(message: string): never {
  throw new CliFault(message);
}
