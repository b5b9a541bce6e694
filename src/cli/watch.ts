import { Command } from 'commander';
import type { MqttClient } from 'mqtt';
import type { Topics } from '../protocol/topics.ts';
import { connectClient, ownClientId } from './client.ts';
import type { Connections } from './connections.ts';
import { inOneLine } from './payloads.ts';
import { positive, type Terminal } from './terminal.ts';

interface Options {
  readonly json?: boolean;
  readonly count?: number;
  readonly secrets?: boolean;
}

/** `profilectl watch`: show messages, decoded, until it is interrupted. */
export function watchCommand(connections: Connections, terminal: Terminal): Command {
  return new Command('watch')
    .description('show messages, decoded, until Ctrl-C')
    .option('--json', 'a line of JSON for each message')
    .option('--count <n>', 'end after n messages', positive)
    .option('--secrets', 'show codes, credentials and e-mail addresses too')
    .action(async (options: Options) => {
      const settings = connections.brokerSettings;
      const { mqtt } = await connectClient(settings, { client: ownClientId(settings) });
      try {
        await watch({ mqtt, topics: connections.topics }, options, terminal);
      } finally {
        await mqtt.endAsync(true);
      }
    })
    .addHelpText(
      'after',
      `
The user in MQTT_USERNAME must be allowed to read the topics: qa is, in a broker made by \`profilectl broker init\`.

Examples:
  $ profilectl watch
  $ profilectl watch --json --count 10 | jq .term`,
    );
}

/** What is watched: all topics of the protocol. A broker delivers those that the user may read. */
interface Watched {
  readonly mqtt: MqttClient;
  readonly topics: Topics;
}

/** Print messages until the count, an interrupt or the end of the connection. */
export async function watch({ mqtt, topics }: Watched, options: Options, terminal: Terminal): Promise<void> {
  const filters = [topics.requests, topics.answers, topics.notices];
  const isRequest = (topic: string): boolean => topics.readRequest(topic) !== undefined;
  let left = options.count ?? Number.POSITIVE_INFINITY;
  await new Promise<void>((resolve, reject) => {
    mqtt.on('message', (topic, payload) => {
      if (left-- > 0)
        terminal.print(line({ topic, payload, isRequest: isRequest(topic) }, options, terminal));
      if (left <= 0) resolve();
    });
    mqtt.once('close', resolve);
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    mqtt.subscribeAsync(filters, { qos: 0 }).then(() => terminal.note('watching'), reject);
  });
}

function line(
  { topic, payload, isRequest }: { topic: string; payload: Buffer; isRequest: boolean },
  options: Options,
  terminal: Terminal,
): string {
  const term = inOneLine(payload, options.secrets ? 'shown' : 'redacted');
  if (options.json) return JSON.stringify({ topic, bytes: payload.length, term });
  return `${terminal.paint(isRequest ? 'cyan' : 'green', `${isRequest ? '→' : '←'} ${topic}`)} ${term}`;
}
