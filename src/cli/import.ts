import { Command, Option } from 'commander';
import type { Connections } from './connections.ts';
import { openDump } from './dump/dump-file.ts';
import { RosterTable } from './dump/roster-table.ts';
import type { Encoding } from './dump/text-terms.ts';
import { Importer } from './import/importer.ts';
import type { AuthLayout } from './import/records.ts';
import { Report } from './import/report.ts';
import { dryRun, storeTarget, type Target } from './import/targets.ts';
import { profilesOf } from './profiles.ts';
import { Progress } from './progress.ts';
import { phonesClientIn } from './session.ts';
import { CliFault, type Terminal } from './terminal.ts';

interface Options {
  readonly dryRun?: boolean;
  readonly overwrite?: boolean;
  readonly redisOnly?: boolean;
  readonly encoding?: Encoding;
  readonly authLayout?: AuthLayout;
  readonly report?: string;
  readonly json?: boolean;
}

/** `profilectl import`: dumps of an Erlang server's tables, into Redis. */
export function importCommand(connections: Connections, terminal: Terminal): Command {
  return new Command('import')
    .description('store the profiles, rosters and sessions of an Erlang server’s dumps')
    .argument('<file...>', 'terms with a dot behind each, or the External Term Format')
    .option('--dry-run', 'check all and write nothing; Redis is not asked')
    .option('--overwrite', 'put a record of the dump in the place of another one that is there')
    .option('--redis-only', 'leave the brokers alone: they have no dynamic-security plugin')
    .addOption(new Option('--encoding <name>', 'of text').choices(['utf-8', 'latin-1']))
    .addOption(
      new Option('--auth-layout <name>', 'where the client id of an Auth stands').choices([
        'header',
        'document',
      ]),
    )
    .option('--report <path>', 'a new file for all that was refused, a JSON object a line')
    .option('--json', 'the counts for scripts')
    .action((files: string[], options: Options) => importAll(files, options, { connections, terminal }))
    .addHelpText('after', help);
}

const help = `
Records 'Profile', 'Roster' and 'Auth' may be in one file or in several; rosters that a profile names by id are looked up in all.
A second run goes on where a first one was ended: what is there already stays. The exit code is 1 if something was refused.

Examples:
  $ profilectl import --dry-run profile.etf roster.etf auth.etf
  $ profilectl import --report refused.jsonl profile.etf roster.etf auth.etf
In Erlang: file:write_file("profile.etf", term_to_binary(ets:tab2list('Profile'))).`;

interface Parts {
  readonly connections: Connections;
  readonly terminal: Terminal;
}

async function importAll(
  paths: readonly string[],
  options: Options,
  { connections, terminal }: Parts,
): Promise<void> {
  // A dry run checks by them too; what is wrong in them is said before the files are read.
  void (options.redisOnly ? connections.redisSettings : connections.settings);
  const files = await Promise.all(paths.map((path) => openDump(path, options.encoding)));
  const target = await targetOf(options, connections);
  const report = await Report.open(terminal, options.report);
  const table = await RosterTable.open();
  // Each file is read twice.
  const progress = new Progress(2 * files.reduce((sum, { bytes }) => sum + bytes, 0));
  const { authLayout } = options;
  const faultOfClient = (client: string) => faultOf(() => phonesClientIn(client, connections));
  try {
    await new Importer({ target, table, report, progress, faultOfClient, authLayout }).run(files);
  } finally {
    progress.clear();
    await Promise.all([report.close(), table.close()]);
    if (options.json) terminal.print(JSON.stringify({ ...report.counts, brokenFiles: report.brokenFiles }));
    else for (const line of report.lines()) terminal.print(line);
  }
  if (options.dryRun) terminal.note('nothing was written: this was a dry run');
  if (!report.isClean) throw new CliFault('not all was imported');
}

async function targetOf(options: Options, connections: Connections): Promise<Target> {
  if (options.dryRun) return dryRun;
  return storeTarget(
    await profilesOf(connections),
    await connections.brokerAcls(options.redisOnly),
    options.overwrite ?? false,
  );
}

function faultOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof CliFault) return error.message;
    throw error;
  }
}
