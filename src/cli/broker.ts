import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { type BrokerUser, initialSecurity } from '../broker-acl/roles.ts';
import type { Connections } from './connections.ts';
import { writeNew } from './files.ts';
import { clientIdIn } from './session.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly file: string;
  readonly workerManagesClients?: boolean;
  readonly service: readonly string[];
}

/** `profilectl broker …`: set up a new broker. */
export function brokerCommand(connections: Connections, terminal: Terminal): Command {
  const broker = new Command('broker').description('set up a new broker');
  broker
    .command('init')
    .description(
      'write the file of the dynamic-security plugin, and print the passwords of its first users, once',
    )
    .requiredOption('--file <path>', 'dynamic-security.json in the broker’s data folder; must not exist')
    .option('--worker-manages-clients', 'for MQTT_DYNAMIC_SECURITY=on; a worker may then change all rights')
    .option(
      '--service <client id>',
      'also a user `service`, for trusted services with this client id (SERVICE_CLIENTS); may be repeated',
      (id: string, others: readonly string[]) => [...others, clientIdIn(id)],
      [],
    )
    .action((options: Options) => init(options, connections, terminal));
  return broker.addHelpText(
    'after',
    `
Example:
  $ profilectl broker init --file mosquitto/data/dynamic-security.json
  $ profilectl broker init --file mosquitto/data/dynamic-security.json --service sys_roster --service sys_billing`,
  );
}

async function init(
  { file, workerManagesClients, service }: Options,
  connections: Connections,
  terminal: Terminal,
): Promise<void> {
  const { topics } = connections;
  const users: BrokerUser[] = [
    { name: 'admin', password: newPassword(), roles: ['clients'] },
    {
      name: 'worker',
      password: newPassword(),
      roles: ['worker', ...(workerManagesClients ? ['clients' as const] : [])],
    },
    { name: 'qa', password: newPassword(), roles: ['qa'] },
  ];
  if (service.length > 0)
    users.push({
      name: 'service',
      password: newPassword(),
      roles: ['service'],
      clientIds: [...new Set(service)],
    });
  await writeNew(file, initialSecurity(users, topics));
  terminal.note('user names and passwords, which are kept nowhere and can’t be shown again:');
  for (const { name, password } of users) terminal.print(`${name} ${password}`);
}

const newPassword = (): string => randomBytes(32).toString('base64url');
