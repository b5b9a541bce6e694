import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { openDynamicSecurity } from '../broker-acl/dynamic-security.ts';
import { signIn } from '../broker-acl/sign-in.ts';
import { letTest } from '../broker-acl/testers.ts';
import type { Settings } from '../config/settings.ts';
import { ownClientId } from './client.ts';
import type { Connections } from './connections.ts';
import { unwritable, writeNew } from './files.ts';
import { hashOf, newToken, phoneIn, phonesClientIn } from './session.ts';
import { CliFault, type Terminal } from './terminal.ts';

interface Options {
  readonly phone: string;
  readonly client?: string;
  readonly file?: string;
  readonly json?: boolean;
}

/** `profilectl qa …`: testers at a broker with the dynamic-security plugin. */
export function qaCommand(connections: Connections, terminal: Terminal): Command {
  const qa = new Command('qa').description('testers with MQTT Explorer at a secured broker');
  qa.command('invite')
    .description('make a tester’s user and session, and print how MQTT Explorer connects, once')
    .requiredOption('--phone <digits>', 'whose session it is: 5 to 15 digits')
    .option('--client <id>', 'MQTT client id and user name; default one that begins with tester-')
    .option('--file <path>', 'write a settings.json for an MQTT Explorer that has none; must not exist')
    .option('--json', 'for scripts')
    .action((options: Options) => invite(options, connections, terminal));
  return qa.addHelpText(
    'after',
    `
The settings are those of \`profilectl session add\`: a user who may manage the broker's clients, and REDIS_URL.
A tester asks as its own phone, and reads all that passes: credentials in answers too. \`profilectl session remove\` ends it.

Examples:
  $ profilectl qa invite --phone 380501112233
  $ profilectl qa invite --phone 380501112233 --client tester-olena --file olena.json`,
  );
}

async function invite(options: Options, connections: Connections, terminal: Terminal): Promise<void> {
  const client = testersClientIn(options.client ?? `tester-${randomBytes(4).toString('hex')}`, connections);
  const phone = phoneIn(options.phone);
  // Before the session is made: the password of one whose file fails could not be shown again.
  if (options.file !== undefined && existsSync(options.file)) unwritable(options.file, { code: 'EEXIST' });
  const token = newToken();
  const { settings, topics } = connections;
  if ((await signIn({ client, phone, token }, hashOf(token), await connections.brokerAcls())) === 'changed')
    throw new CliFault(`${client} has a session already; remove it first`);
  for (const url of settings.mqtt.urls) {
    const security = openDynamicSecurity({ ...settings.mqtt, url, clientId: ownClientId(settings) });
    await letTest(security, client, topics).finally(() => security.close());
  }
  const connection = explorerConnection({ client, token }, settings);
  terminal.note(
    'what MQTT Explorer needs to connect; the password is kept nowhere and can’t be shown again:',
  );
  if (options.json) terminal.print(JSON.stringify({ phone, ...connection }));
  else for (const [field, value] of fieldsOf(connection)) terminal.print(`${field.padEnd(24)} ${value}`);
  if (options.file !== undefined) await writeConnection(options.file, connection);
}

/** The user `qa` alone has these client ids (mosquitto/production.d). */
function testersClientIn(text: string, connections: Connections): string {
  if (/^(qa|profilectl|mqtt-explorer)-/.test(text))
    throw new CliFault('client ids that begin with qa-, profilectl- or mqtt-explorer- are the user qa’s');
  return phonesClientIn(text, connections);
}

type ExplorerConnection = ReturnType<typeof explorerConnection>;

/** As MQTT Explorer keeps a connection. */
function explorerConnection({ client, token }: { client: string; token: string }, { mqtt }: Settings) {
  const [first = ''] = mqtt.urls;
  const { protocol, hostname, port } = new URL(first);
  const encryption = protocol === 'mqtts:';
  const ca = mqtt.tls?.ca;
  return {
    configVersion: 1,
    type: 'mqtt',
    id: client,
    name: `${client} at ${hostname}`,
    protocol: 'mqtt',
    host: hostname,
    port: Number(port) || (encryption ? 8883 : 1883),
    encryption,
    certValidation: true,
    username: client,
    password: token,
    clientId: client,
    subscriptions: [
      { topic: '#', qos: 0 },
      { topic: '$SYS/#', qos: 0 },
    ],
    ...(ca && { selfSignedCertificate: { name: 'ca.crt', data: ca.toString('base64') } }),
  } as const;
}

/** By the names of the form in MQTT Explorer. */
function fieldsOf(connection: ExplorerConnection): (readonly [string, string])[] {
  const { encryption, host, port, username, password, clientId, selfSignedCertificate } = connection;
  return [
    ['Protocol', 'mqtt://'],
    ['Host', host],
    ['Port', String(port)],
    ['Encryption (tls)', encryption ? 'on' : 'off'],
    ['Validate certificate', 'on'],
    ['Username', username],
    ['Password', password],
    ['Advanced, MQTT Client ID', clientId],
    ['Advanced, Topics', '# and $SYS/#'],
    ...(selfSignedCertificate ? [['Server Certificate (CA)', 'the file of MQTT_CA'] as const] : []),
  ];
}

/** MQTT Explorer has no import: it reads its connections from this key of its settings.json when it starts. */
async function writeConnection(file: string, connection: ExplorerConnection): Promise<void> {
  const settings = { ConnectionManager_connections: { [connection.id]: connection } };
  await writeNew(file, `${JSON.stringify(settings, undefined, 2)}\n`);
}
