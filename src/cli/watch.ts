import { Command } from 'commander';
import type { Topics } from '../protocol/topics.ts';
import { type CliClient, connectClient, ownClientId } from './client.ts';
import type { Connections } from './connections.ts';
import { showMessage } from './message.ts';
import { inOneLine } from './payloads.ts';
import { positive, type Terminal } from './terminal.ts';

interface Options {
  readonly json?: boolean;
  readonly count?: number;
  readonly secrets?: boolean;
  readonly full?: boolean;
}

/** `profilectl watch`: show messages, decoded, until it is interrupted. */
export function watchCommand(connections: Connections, terminal: Terminal): Command {
  return new Command('watch')
    .description('show messages, decoded, until Ctrl-C')
    .option('--json', 'a line of JSON for each message: the same object as that of `send --json`')
    .option('--count <n>', 'end after n messages', positive)
    .option('--secrets', 'show codes, credentials and e-mail addresses too')
    .option('--full', 'also the whole of long lists')
    .action(async (options: Options) => {
      const settings = connections.brokerSettings;
      const client = await connectClient(settings, { client: ownClientId(settings) });
      try {
        await watch({ ...client, topics: connections.topics }, options, terminal);
      } finally {
        await client.mqtt.endAsync(true);
      }
    })
    .addHelpText(
      'after',
      `
The user in MQTT_USERNAME must be allowed to read the topics: qa is, in a broker made by \`profilectl broker init\`.

Examples:
  $ profilectl watch
  $ profilectl watch --json --count 10 | jq 'select(.kind == "answer") | .term'`,
    );
}

/** What is watched: all topics of the protocol. A broker delivers those that the user may read. */
interface Watched extends Pick<CliClient, 'mqtt' | 'broken'> {
  readonly topics: Topics;
}

/** Print messages until the count or an interrupt. @throws CliFault when the connection ends. */
export async function watch(
  { mqtt, topics, broken }: Watched,
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const filters = [topics.requests, topics.answers, topics.notices];
  let left = options.count ?? Number.POSITIVE_INFINITY;
  await new Promise<void>((resolve, reject) => {
    mqtt.on('message', (topic, payload) => {
      if (left-- > 0) terminal.print(line({ topic, payload, topics }, options, terminal));
      if (left <= 0) resolve();
    });
    broken.catch(reject);
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    mqtt.subscribeAsync(filters, { qos: 0 }).then(() => terminal.note('watching'), reject);
  });
}

function line(
  { topic, payload, topics }: { topic: string; payload: Buffer; topics: Topics },
  { json, secrets, full }: Options,
  terminal: Terminal,
): string {
  const shown = secrets ? 'shown' : 'redacted';
  if (json) return JSON.stringify(showMessage({ topic, payload }, topics, shown));
  const { kind, topic: named } = showMessage({ topic, payload: Buffer.alloc(0) }, topics, shown);
  const arrow = kind === 'request' ? '→' : '←';
  const term = inOneLine(payload, shown, full ? 'full' : 'short');
  return `${terminal.paint(kind === 'request' ? 'cyan' : 'green', `${arrow} ${named}`)} ${term}`;
}
