import { Command, Option } from 'commander';
import { decode } from '../etf/index.ts';
import { printLines } from '../qa/formats/erlang-lines.ts';
import type { Format } from '../qa/formats/format.ts';
import { answerLimits, writeFormat } from '../qa/formats/write.ts';
import { formats, readInput, toMessage } from './payloads.ts';
import { shorten } from './shorten.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly file?: string;
  readonly to: Format;
  readonly json?: boolean;
  readonly full?: boolean;
}

/** `profilectl decode`: show a payload in a readable format. */
export function decodeCommand(terminal: Terminal): Command {
  return converting('decode', 'erlang', terminal)
    .description('show a payload: ETF, hexadecimal digits, base64, Erlang text or JSON')
    .addHelpText(
      'after',
      `
The form is found out. Without an argument or --file standard input is read.

Examples:
  $ profilectl decode g2gDZAACaW9oAmQAAm9rZAAKZW1haWxfc2VudG0AAAAA
  $ profilectl decode --json --file answer.etf
  $ mosquitto_sub -h 127.0.0.1 -t actions/1/api/emqttd_42 -N -C 1 | profilectl decode`,
    );
}

/** `profilectl encode`: make a payload from a readable format. */
export function encodeCommand(terminal: Terminal): Command {
  return converting('encode', 'etf', terminal)
    .description('make a payload: ETF of Erlang text, JSON, hexadecimal digits or base64')
    .addHelpText(
      'after',
      `
ETF is shown as hexadecimal digits on a terminal. Without an argument or --file standard input is read.

Examples:
  $ profilectl encode "#'Profile'{phone = <<\\"380501112233\\">>, status = get}" > get.etf
  $ profilectl encode --to base64 '{"request":"get","phone":"380501112233"}'
  $ profilectl encode --to hex "#'Profile'{phone = <<\\"380501112233\\">>, presence = offline, status = update}"
    which is the payload of a will on events/1//api/anon//, for a phone that drops off
  $ profilectl encode --file set.erl | mosquitto_pub -i emqttd_42 -q 2 -t events/1//api/anon// -s`,
    );
}

function converting(name: string, preset: Format, terminal: Terminal): Command {
  return new Command(name)
    .argument('[payload]', 'the text; - for standard input')
    .option('--file <path>', 'read this file')
    .addOption(new Option('--to <form>', 'what to write').choices(formats).default(preset))
    .addOption(new Option('--json', 'the same as --to json').conflicts('to'))
    .option('--full', 'also the whole of long lists, on a terminal')
    .action(async (payload: string | undefined, options: Options) => {
      const message = toMessage(await readInput(payload, options.file));
      show(message, options.json ? 'json' : options.to, terminal, options.full ?? false);
    });
}

/**
 * Print a message. Bytes are written unchanged, but never to a terminal.
 * @param full - `false` cuts long lists, for a person only: what goes to a file or a program is whole.
 */
export function show(message: Uint8Array, format: Format, terminal: Terminal, full = true): void {
  if (format === 'erlang' && terminal.isPerson && !full) {
    terminal.print(printLines(shorten(decode(message, answerLimits))));
    return;
  }
  if (format === 'etf' && !terminal.isPerson) terminal.write(message);
  else terminal.print(writeFormat(message, format === 'etf' ? 'hex' : format).toString());
}
