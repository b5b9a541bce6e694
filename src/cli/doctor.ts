import { Command } from 'commander';
import { type Settings, settingNames } from '../config/settings.ts';
import { describeUnknown, unknownSettings } from '../config/unknown.ts';
import { checkBroker } from './doctor-broker.ts';
import type { DoctorOptions, Finding } from './doctor-finding.ts';
import { checkBrokerNames } from './doctor-names.ts';
import { checkRedis } from './doctor-redis.ts';
import { checkMail, checkSts } from './doctor-services.ts';
import type { Colour, Terminal } from './terminal.ts';
import { CliFault } from './terminal.ts';

/** `profilectl doctor`: check each part of the system from here, with advice on what fails. */
export function doctorCommand(connections: { readonly settings: Settings }, terminal: Terminal): Command {
  return new Command('doctor')
    .description('find out what is in the way: settings, broker, rights, plugin, workers, Redis, mail, STS')
    .option('--client <id>', 'ask as this client, cutting it off; default one of its own')
    .option('--token-file <path>', 'log in as the client, with the token in this file')
    .option('--json', 'for scripts')
    .action(async (options: DoctorOptions) => {
      if (options.tokenFile !== undefined && options.client === undefined)
        throw new CliFault('--token-file holds a client’s token: --client says whose');
      report(await examine(connections.settings, options), options, terminal);
    })
    .addHelpText(
      'after',
      `
It reads the worker's settings and tries what a request needs. It asks for the profile of a phone that there is not, in another client's
name, and reads requests for the moment that takes. In Redis it writes one key and deletes it. STS is asked for credentials, which are
thrown away; a mail is begun and taken back. Exit code 0 if nothing failed, 1 if something did, 78 if the settings cannot be read.

Where the broker wants passwords, the worker's own user may not ask: give a client's id and token.

Examples:
  $ profilectl doctor
  $ profilectl doctor --client emqttd_42 --token-file token
  $ docker compose exec worker profilectl doctor --json`,
    );
}

/** Check everything at once. @returns what was found, in the order of the settings. */
export async function examine(settings: Settings, options: DoctorOptions = {}): Promise<Finding[]> {
  const findings = await Promise.all([
    checkNames(process.env),
    checkBroker(settings, options),
    checkBrokerNames(settings),
    checkRedis(settings),
    checkMail(settings),
    checkSts(settings),
  ]);
  return findings.flat();
}

function checkNames(env: NodeJS.ProcessEnv): Finding[] {
  const unknown = unknownSettings(env, settingNames);
  if (unknown.length === 0) return [{ check: 'settings', state: 'ok', saw: 'no unknown names' }];
  const advice = 'correct the names, or remove them: what they were to change has its default';
  return [{ check: 'settings', state: 'ok', saw: describeUnknown(unknown), advice }];
}

const colours: Record<Finding['state'], Colour> = { ok: 'green', failed: 'red', skipped: 'dim' };

function report(findings: readonly Finding[], { json }: DoctorOptions, terminal: Terminal): void {
  if (json) terminal.print(JSON.stringify(findings, undefined, 2));
  else {
    const width = Math.max(...findings.map(({ check }) => check.length));
    for (const { check, state, saw, advice } of findings) {
      terminal.print(`${terminal.paint(colours[state], state.padEnd(7))}  ${check.padEnd(width)}  ${saw}`);
      if (advice !== undefined)
        terminal.print(`${' '.repeat(9 + width)}  ${terminal.paint('yellow', advice)}`);
    }
  }
  const failed = findings.filter(({ state }) => state === 'failed');
  if (failed.length > 0) throw new CliFault(`${failed.length} of ${findings.length} checks failed`);
}
