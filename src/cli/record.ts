import { Command } from 'commander';
import { connectClient, ownClientId } from './client.ts';
import type { Connections } from './connections.ts';
import { Recorder } from './plan/record.ts';
import { positive, type Terminal } from './terminal.ts';

interface Options {
  readonly seconds?: number;
}

/** `profilectl record`: a test plan of what passes. */
export function recordCommand(connections: Connections, terminal: Terminal): Command {
  return new Command('record')
    .description('make a test plan of what passes until Ctrl-C, on standard output')
    .option('--seconds <n>', 'end after so long', positive)
    .action((options: Options) => record(options, connections, terminal))
    .addHelpText(
      'after',
      `
The user in MQTT_USERNAME must be allowed to read the topics. Times, codes and AWS credentials are left open in the plan; phones,
addresses and what profiles hold stand in it.

Examples:
  $ profilectl record > plan.yaml
  $ profilectl test --mails http://127.0.0.1:8025 plan.yaml`,
    );
}

async function record({ seconds }: Options, connections: Connections, terminal: Terminal): Promise<void> {
  const { brokerSettings, topics } = connections;
  const { mqtt, broken } = await connectClient(brokerSettings, { client: ownClientId(brokerSettings) });
  const recorder = new Recorder(topics);
  mqtt.on('message', (topic, payload, { properties, retain }) => {
    if (!retain)
      recorder.take({ topic, payload, correlation: properties?.correlationData?.toString('latin1') });
  });
  let fault: unknown;
  try {
    const ended = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      if (seconds !== undefined) setTimeout(resolve, seconds * 1000);
    });
    const filters = [topics.requests, topics.answers, topics.notices];
    await Promise.race([mqtt.subscribeAsync(filters, { qos: 1 }), broken]);
    terminal.note('recording; Ctrl-C ends it');
    fault = await Promise.race([ended, broken.catch((error: unknown) => error)]);
  } finally {
    await mqtt.endAsync(true);
  }
  terminal.print(recorder.plan().trimEnd());
  const left = recorder.skippedCount > 0 ? `; ${recorder.skippedCount} left out` : '';
  terminal.note(`${recorder.requestCount} requests recorded${left}`);
  if (fault !== undefined) throw fault;
}
