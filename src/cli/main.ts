#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { EXIT_CONFIG, SettingsError } from '../config/error.ts';
import { version } from '../config/version.ts';
import { brokerCommand } from './broker.ts';
import { completionCommand } from './completion.ts';
import { openConnections } from './connections.ts';
import { decodeCommand, encodeCommand } from './convert.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { poisonedCommand } from './poisoned.ts';
import { profileCommand } from './profile.ts';
import { qaCommand } from './qa.ts';
import { recordCommand } from './record.ts';
import { sendCommand } from './send.ts';
import { sessionCommand } from './session.ts';
import { CliFault, openTerminal } from './terminal.ts';
import { testCommand } from './test.ts';
import { watchCommand } from './watch.ts';

/** `profilectl`: the commands, each in a file of its own name. */

// On Node 20 the SDK of AWS would print a notice.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const terminal = openTerminal(process.env);
const connections = openConnections(process.env);
const program = new Command('profilectl')
  .description(
    'for those who run the PROFILE worker; settings come from the same environment names as the worker’s',
  )
  .version(version, '--version', 'print the version')
  .addCommand(sendCommand(connections, terminal))
  .addCommand(watchCommand(connections, terminal))
  .addCommand(testCommand(connections, terminal))
  .addCommand(recordCommand(connections, terminal))
  .addCommand(decodeCommand(terminal))
  .addCommand(encodeCommand(terminal))
  .addCommand(profileCommand(connections, terminal))
  .addCommand(importCommand(connections, terminal))
  .addCommand(exportCommand(connections, terminal))
  .addCommand(poisonedCommand(connections, terminal))
  .addCommand(sessionCommand(connections, terminal))
  .addCommand(brokerCommand(connections, terminal))
  .addCommand(qaCommand(connections, terminal))
  .addCommand(doctorCommand(connections, terminal));
program.addCommand(completionCommand(program, terminal));

throwInsteadOfExit(program);

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong settings. */
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
} finally {
  await connections.close();
}

/** Commander does not pass this to commands that are added later. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  terminal.note(error instanceof Error ? error.message : 'failed');
  if (error instanceof CliFault) return error.exitCode;
  return error instanceof SettingsError ? EXIT_CONFIG : 1;
}
