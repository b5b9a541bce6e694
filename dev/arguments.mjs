// The arguments of an npm script, checked before anything is set up, built or started. It needs only Node.
import { parseArgs } from 'node:util';
import { scripts } from './scripts.mjs';

/**
 * Ends the process if there is nothing to run: with the usage and exit code 0 for `--help`, with one line and exit code 2 for a
 * wrong argument.
 * @param {string} name of the npm script
 * @param {string[]} args
 */
export function checkArguments(name, args = process.argv.slice(2)) {
  const fault = faultOf(name, args);
  if (fault === undefined) return;
  if (fault === 'help') process.stdout.write(`${scripts[name].usage}\n`);
  else process.stderr.write(`${fault}; npm run ${name} -- --help shows what there is\n`);
  process.exit(fault === 'help' ? 0 : 2);
}

/** @param {string} name @param {string[]} args @returns {string | undefined} what is wrong, in one line; `help` if that is asked for */
export function faultOf(name, args) {
  const { options, others } = scripts[name];
  const flags = Object.entries(options).map(([option, kind]) => [
    option,
    { type: kind === 'flag' ? 'boolean' : 'string', multiple: isRepeatable(kind) },
  ]);
  let read;
  try {
    read = parseArgs({
      args,
      allowPositionals: true,
      options: { ...Object.fromEntries(flags), help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    return firstSentence(error.message);
  }
  if (read.values.help) return 'help';
  for (const [option, kind] of Object.entries(options)) {
    for (const value of [read.values[option] ?? []].flat()) {
      const wrong = faultOfValue(isRepeatable(kind) ? kind[0] : kind, value);
      if (wrong !== undefined) return `--${option} ${value} is ${wrong}`;
    }
  }
  for (const word of read.positionals) {
    const wrong = others === undefined ? 'no option' : faultOfValue(others, word);
    if (wrong !== undefined) return `${word} is ${wrong}`;
  }
  return undefined;
}

/** Node's own words: `Unknown option '--loud'`, without its advice on positional arguments. */
function firstSentence(message) {
  return message.split('\n')[0].split('. ')[0].replace(/\.$/, '');
}

/** A list with one element holds the kind of each value; a list of choices has more. */
function isRepeatable(kind) {
  return Array.isArray(kind) && kind.length === 1;
}

const checks = {
  port: (value) =>
    /^\d{1,5}$/.test(value) && value > 0 && value < 65_536 ? undefined : 'no port (1 to 65535)',
  count: (value) => (/^\d{1,9}$/.test(value) && value > 0 ? undefined : 'no whole number above 0'),
  number: (value) => (Number(value) > 0 && Number.isFinite(Number(value)) ? undefined : 'no number above 0'),
  seed: (value) => (/^\d+(\.\d+)?$/.test(value) ? undefined : 'no number from 0'),
  numbers: (value) =>
    value.split(',').every((part) => Number(part) > 0)
      ? undefined
      : 'no numbers above 0, with commas between',
};

/** @returns {string | undefined} what the value is instead of what it must be */
function faultOfValue(kind, value) {
  if (Array.isArray(kind)) return kind.includes(value) ? undefined : `none of ${kind.join(', ')}`;
  return checks[kind]?.(value);
}
