import { Command, Option } from 'commander';
import type { Format } from '../qa/formats/format.ts';
import { openPoison, type PoisonedRequest, type PoisonStore } from '../store/poison.ts';
import type { Connections } from './connections.ts';
import { show } from './convert.ts';
import { formats, inOneLine, toMessage } from './payloads.ts';
import { CliFault, type Terminal } from './terminal.ts';

interface ShowOptions {
  readonly secrets?: boolean;
  readonly to: Format;
}

/** `profilectl poisoned …`: requests that were given up, because each delivery ended a worker or its connection. */
export function poisonedCommand(connections: Connections, terminal: Terminal): Command {
  const poisoned = new Command('poisoned').description('requests that were given up; kept for a day');
  poisoned
    .command('list')
    .description('when, from whom, and what, the oldest first')
    .option('--json', 'for scripts')
    .action((options: { readonly json?: boolean }) => list(options, connections, terminal));
  poisoned
    .command('show')
    .description('print what was asked')
    .argument('<id>', 'as list shows it')
    .option('--secrets', 'show codes, credentials and e-mail addresses too')
    .addOption(new Option('--to <form>', 'what to write, with --secrets').choices(formats).default('erlang'))
    .action((id: string, options: ShowOptions) => showOne(id, options, connections, terminal));
  poisoned
    .command('drop')
    .description('keep it no longer')
    .argument('<id>', 'as list shows it')
    .action((id: string) => drop(id, connections, terminal));
  return poisoned.addHelpText(
    'after',
    `
A request is given up, and answered with the error internal, when three of its deliveries ended a worker or its connection.
Its payload has not been looked at by then: show reads it in this process, which it may end too.

Examples:
  $ profilectl poisoned list
  $ profilectl poisoned show 3f2a9c0d11e24b7788aa01cd
  $ profilectl poisoned show --secrets --to hex 3f2a9c0d11e24b7788aa01cd
  $ profilectl poisoned drop 3f2a9c0d11e24b7788aa01cd`,
  );
}

/** The time for which redeliveries count matters only for writing, so any value does here. */
const unused = 1;

async function store(connections: Connections): Promise<PoisonStore> {
  return openPoison(await connections.redis(), unused, connections.redisSettings.verifySecret);
}

async function list(
  { json }: { readonly json?: boolean },
  connections: Connections,
  terminal: Terminal,
): Promise<void> {
  const requests = await (await store(connections)).list();
  if (json) {
    terminal.print(JSON.stringify(requests.map(({ payload, ...request }) => request)));
    return;
  }
  const line = ([id, at, kind, phone, bytes, client]: readonly string[]) =>
    terminal.print(
      `${id?.padEnd(24)}  ${at?.padEnd(24)}  ${kind?.padEnd(7)}  ${phone?.padEnd(7)}  ${bytes?.padStart(7)}  ${client}`,
    );
  line(['ID', 'WHEN', 'KIND', 'PHONE', 'BYTES', 'CLIENT']);
  for (const { id, at, kind = '-', phone = '-', bytes, client } of requests)
    line([id, at.toISOString(), kind, phone, String(bytes), client.replace(/\p{Cc}/gu, '?')]);
}

async function showOne(
  id: string,
  options: ShowOptions,
  connections: Connections,
  terminal: Terminal,
): Promise<void> {
  const { payload, bytes } = await find(id, connections);
  if (payload === undefined)
    throw new CliFault(`its ${bytes} bytes are not kept, or sealed with another VERIFY_SECRET`);
  if (!options.secrets) terminal.print(inOneLine(payload, 'redacted'));
  else if (options.to === 'erlang') terminal.print(inOneLine(payload, 'shown'));
  else show(toMessage(payload), options.to, terminal);
}

async function drop(id: string, connections: Connections, terminal: Terminal): Promise<void> {
  if (!(await (await store(connections)).drop(id))) throw new CliFault(`there is no poisoned request ${id}`);
  terminal.note(`${id} is dropped`);
}

async function find(id: string, connections: Connections): Promise<PoisonedRequest> {
  const requests = await (await store(connections)).list();
  const request = requests.find((each) => each.id === id);
  if (request === undefined) throw new CliFault(`there is no poisoned request ${id}`);
  return request;
}
