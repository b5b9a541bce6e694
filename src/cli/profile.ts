import { Command, Option } from 'commander';
import { decode, defaultLimits, print } from '../etf/index.ts';
import { knownKinds, requestKinds } from '../handlers/index.ts';
import { readProfile, writeProfile } from '../protocol/profile.ts';
import { explain } from '../qa/formats/explain.ts';
import type { Format } from '../qa/formats/format.ts';
import { answerLimits, writeFormat } from '../qa/formats/write.ts';
import type { Connections } from './connections.ts';
import { show } from './convert.ts';
import { writeNew } from './files.ts';
import { formats, readInput, toMessage } from './payloads.ts';
import { changeOf } from './profile-change.ts';
import { newRequest, profilesOf, refusals } from './profiles.ts';
import { phoneIn } from './session.ts';
import { CliFault, type Terminal } from './terminal.ts';

interface Options {
  readonly phone: string;
  readonly to: Format;
  readonly json?: boolean;
  readonly file?: string;
  readonly replace?: boolean;
  readonly full?: boolean;
}

/** `profilectl profile …`: the profile of a phone in Redis, without a worker. */
export function profileCommand(connections: Connections, terminal: Terminal): Command {
  const profile = new Command('profile').description('the profile of a phone in Redis');
  const phone = ['--phone <digits>', '5 to 15 digits'] as const;
  profile
    .command('show')
    .description('print the profile')
    .requiredOption(...phone)
    .addOption(new Option('--to <form>', 'what to write').choices(formats).default('erlang'))
    .addOption(new Option('--json', 'the same as --to json').conflicts('to'))
    .option('--full', 'also the whole of long lists, on a terminal')
    .action(async (options: Options) => {
      const to = options.json ? 'json' : options.to;
      show(await stored(options, connections), to, terminal, options.full ?? false);
    });
  profile
    .command('export')
    .description('write the profile to a file, as JSON by default')
    .requiredOption(...phone)
    .requiredOption('--file <path>', 'a new file, for your eyes only: it holds what the user has stored')
    .addOption(new Option('--to <form>', 'what to write').choices(formats).default('json'))
    .action((options: Options) => exportTo(options, connections, terminal));
  profile
    .command('import')
    .description('store an exported profile; contacts are not notified')
    .requiredOption(...phone)
    .option('--file <path>', 'in any form; default standard input')
    .option('--replace', 'also if the phone has a profile already')
    .action((options: Options) => importFrom(options, connections, terminal));
  return profile.addHelpText(
    'after',
    `
Examples:
  $ profilectl profile show --phone 380501112233
  $ profilectl profile export --phone 380501112233 --file olena.json
  $ profilectl profile import --phone 380501112244 --file olena.json`,
  );
}

async function stored(options: Options, connections: Connections): Promise<Buffer> {
  const phone = phoneIn(options.phone);
  const profile = await (await profilesOf(connections)).read(phone);
  if (profile === undefined) throw new CliFault(`${phone} has no profile`);
  return writeProfile(phone, profile, 'get', 8);
}

async function exportTo(options: Options, connections: Connections, terminal: Terminal): Promise<void> {
  const { file = '', to } = options;
  const payload = writeFormat(await stored(options, connections), to);
  await writeNew(file, payload);
  terminal.note(`${payload.length} bytes written to ${file}`);
}

async function importFrom(options: Options, connections: Connections, terminal: Terminal): Promise<void> {
  const phone = phoneIn(options.phone);
  const message = toMessage(await readInput(undefined, options.file));
  const sent = readProfile(message, answerLimits, knownKinds);
  if (typeof sent === 'string') {
    throw new CliFault(
      explain(message, answerLimits, requestKinds) ??
        `this is no profile: ${print(decode(message, defaultLimits))}`,
    );
  }
  const change = changeOf(sent);
  if (typeof change === 'string') throw new CliFault(change);
  const store = await profilesOf(connections);
  const before = await store.read(phone);
  if (before !== undefined && !options.replace) {
    throw new CliFault(`${phone} has a profile already; --replace puts this one in its place`);
  }
  const answer = await store.change<never>(newRequest(phone), before, 'ok', () => change);
  if (typeof answer === 'string') throw new CliFault(`${phone}: ${refusals[answer]}`);
  terminal.note(`the profile of ${phone} is stored`);
}
