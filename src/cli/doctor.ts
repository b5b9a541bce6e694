import { Command } from 'commander';
import type { Settings } from '../config/settings.ts';
import { checkBroker } from './doctor-broker.ts';
import type { DoctorOptions, Finding } from './doctor-finding.ts';
import { checkMail, checkRedis, checkSts } from './doctor-others.ts';
import type { Colour, Terminal } from './terminal.ts';
import { CliFault } from './terminal.ts';

/** `profilectl doctor`: check each part of the system from here, with advice on what fails. */
export function doctorCommand(connections: { readonly settings: Settings }, terminal: Terminal): Command {
  return new Command('doctor')
    .description('find out what is in the way: broker, plugin, rights, workers, Redis, mail, STS')
    .option('--client <id>', 'ask as this client, cutting it off; default one of its own')
    .option('--token-file <path>', 'log in as the client, with the token in this file')
    .option('--json', 'for scripts')
    .action(async (options: DoctorOptions) => {
      if (options.tokenFile !== undefined && options.client === undefined)
        throw new CliFault('--token-file holds a client’s token: --client says whose');
      const { settings } = connections;
      const findings = await Promise.all([
        checkBroker(settings, options),
        checkRedis(settings),
        checkMail(settings),
        checkSts(settings),
      ]);
      report(findings.flat(), options, terminal);
    })
    .addHelpText(
      'after',
      `
It reads the worker's settings, asks for the profile of a phone that there is not, and changes nothing. STS is asked for
credentials, which are thrown away; no mail is sent. Exit code 0 if nothing failed.

Where the broker wants passwords, the worker's own user may not ask: give a client's id and token.

Examples:
  $ profilectl doctor
  $ profilectl doctor --client emqttd_42 --token-file token
  $ docker compose exec worker profilectl doctor --json`,
    );
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
