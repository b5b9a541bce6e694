import { Command, Option } from 'commander';
import { decode, print } from '../etf/index.ts';
import { writeProfile } from '../protocol/profile.ts';
import { answerLimits } from '../qa/formats/write.ts';
import type { Profiles } from '../store/profiles.ts';
import type { Connections } from './connections.ts';
import { openNew, unwritable } from './files.ts';
import { profilesOf } from './profiles.ts';
import { Progress } from './progress.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly all?: boolean;
  readonly file: string;
  readonly to: 'etf' | 'erlang';
}

/** `profilectl export --all`: every profile as a dump that `import` reads. */
export function exportCommand(connections: Connections, terminal: Terminal): Command {
  return new Command('export')
    .description('write every profile with its rosters to a file that import reads')
    .requiredOption('--all', 'every profile; for one there is `profilectl profile export`')
    .requiredOption('--file <path>', 'a new file, for your eyes only: it holds what the users have stored')
    .addOption(
      new Option('--to <form>', 'ETF, or terms with a dot behind each')
        .choices(['etf', 'erlang'])
        .default('etf'),
    )
    .action((options: Options) => exportAll(options, connections, terminal))
    .addHelpText(
      'after',
      `
Sessions are not written: Redis has only hashes of their tokens. Profiles that change meanwhile are written as they were before or after.

Example:
  $ profilectl export --all --file profiles.etf`,
    );
}

async function exportAll({ file, to }: Options, connections: Connections, terminal: Terminal): Promise<void> {
  const profiles = await profilesOf(connections);
  const progress = new Progress(undefined);
  let count = 0;
  try {
    await writeAll(file, async function* () {
      for await (const message of allProfiles(profiles)) {
        yield formOf[to](message);
        count++;
        progress.add(1, `${count} profiles`);
      }
    });
  } finally {
    progress.clear();
  }
  terminal.note(`${count} profiles written to ${file}`);
}

/** Write a new file. A stream would read on in Redis for a while when it cannot write. */
async function writeAll(path: string, pieces: () => AsyncGenerator<Buffer>): Promise<void> {
  const file = await openNew(path);
  try {
    let held: Buffer[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      await file.appendFile(Buffer.concat(held)).catch((error) => unwritable(path, error));
      held = [];
      bytes = 0;
    };
    for await (const piece of pieces()) {
      held.push(piece);
      bytes += piece.length;
      if (bytes >= writeBytes) await flush();
    }
    await flush();
  } finally {
    await file.close();
  }
}

const writeBytes = 2 ** 20;

/** So many profiles are held at a time. */
const together = 64;

async function* allProfiles(profiles: Profiles): AsyncGenerator<Buffer> {
  for await (const batch of profiles.phones()) {
    for (let from = 0; from < batch.length; from += together) {
      const phones = batch.slice(from, from + together);
      const stored = await Promise.all(phones.map(profiles.read));
      for (const [index, profile] of stored.entries()) {
        // One that was removed since the scan is left out.
        if (profile !== undefined) yield writeProfile(phones[index] ?? '', profile, 'get', 8);
      }
    }
  }
}

const formOf: Record<Options['to'], (message: Buffer) => Buffer> = {
  etf: (message) => message,
  erlang: (message) => Buffer.from(`${print(decode(message, answerLimits))}.\n`),
};
