// `npm run bench -- etf`, or alone: `node --import tsx bench/etf.ts [--quick]`
import { fileURLToPath } from 'node:url';
import { atom, decode, encode, equal, type Term, tuple } from '../src/etf/index.ts';
import { codecs } from './peers/codecs/codecs.ts';
import { installCodecs } from './peers/codecs/install.ts';
import { CodecProcess } from './peers/codecs/process.ts';
import { type Goal, type Row, type Section, type Spread, spreadOf, tableLines } from './table.ts';

export interface EtfOptions {
  readonly quick: boolean;
  readonly progress?: (text: string) => void;
}

const bytes = (text: string) => Buffer.from(text);

const request: Term = tuple(...[atom('Profile'), bytes('380501112233'), [], [], [], 0, 0, [], atom('get')]);

function contact(index: number): Term {
  const name = [bytes(`Name${index}`), bytes(`Surname${index}`), bytes(`nick${index}`)];
  const avatar = bytes(`https://example.org/avatars/${index}.png`);
  return tuple(
    ...[
      atom('Contact'),
      bytes(`3805011${12_000 + index}_1`),
      avatar,
      ...name,
      bytes(`user${index}@example.org`),
    ],
    ...[[], 0, index, [], 1_700_000_000_000 + index, [], atom('online'), atom('active')],
  );
}

function profileOf(contacts: number): Term {
  const userlist = Array.from({ length: contacts }, (_, index) => contact(index));
  const roster = tuple(
    ...[atom('Roster'), 1, bytes('Ivan'), bytes('Franko'), [], bytes('ivan'), userlist, [], [], []],
    ...[bytes('380501112233'), bytes('https://example.org/avatars/me.png'), 1_700_000_000_000, atom('add')],
  );
  return tuple(
    ...[
      atom('Profile'),
      bytes('380501112233'),
      [],
      [roster],
      [],
      1_700_000_000_000,
      0,
      atom('online'),
      atom('get'),
    ],
  );
}

const payloads = [
  { name: 'get request', message: encode(request), encodeGoal: 2 },
  { name: 'profile with 20 contacts', message: encode(profileOf(20)), encodeGoal: undefined },
];

type Payload = (typeof payloads)[number];

interface Contender {
  readonly process: CodecProcess;
  readonly title: string;
  /** Its own encoding of the payload can't be measured, or is another term. */
  readonly encodes: boolean;
}

/** Microseconds, one for each round. */
type Results = Map<Contender, { decode: number[]; encode: number[] }>;

/** Starts a codec; `undefined` if it does not run here. A codec that returns another term is named. */
async function prepare(process: CodecProcess): Promise<Contender | undefined> {
  const { message } = payloads[0]!;
  if ((await process.ask('decode', 1, message)) === undefined) return undefined;
  const echo = await process.ask('echo', 1, message);
  if (echo === undefined || echo === 'none') return { process, title: process.name, encodes: false };
  const same = equal(decode(Buffer.from(echo, 'base64')), decode(message));
  return { process, title: same ? process.name : `${process.name}, another term`, encodes: true };
}

async function measure(
  contender: Contender,
  task: 'decode' | 'encode',
  [message, iterations]: [Buffer, number],
) {
  if (task === 'encode' && !contender.encodes) return Number.NaN;
  return Number(await contender.process.ask(task, iterations, message));
}

/** Finds how many iterations take about this long; the search also warms the codec up. */
async function iterationsFor(
  contender: Contender,
  { message }: Payload,
  milliseconds: number,
): Promise<number> {
  let iterations = 1_000;
  for (let i = 0; i < 5; i++) {
    await measure(contender, 'encode', [message, iterations]);
    const micros = await measure(contender, 'decode', [message, iterations]);
    iterations = Math.max(100, Math.round((milliseconds * 1_000) / micros));
  }
  return iterations;
}

/** Runs each contender once a round, every other round in the opposite order. */
async function measureRounds(
  contenders: readonly Contender[],
  payload: Payload,
  { quick, progress = () => {} }: EtfOptions,
): Promise<Results> {
  const effort = quick ? { rounds: 5, milliseconds: 10 } : { rounds: 21, milliseconds: 30 };
  const results: Results = new Map();
  const iterations = new Map<Contender, number>();
  for (const contender of contenders) {
    progress(`${payload.name}: warming up ${contender.title}`);
    results.set(contender, { decode: [], encode: [] });
    iterations.set(contender, await iterationsFor(contender, payload, effort.milliseconds));
  }
  for (let round = 0; round < effort.rounds; round++) {
    progress(`${payload.name}: round ${round + 1} of ${effort.rounds}`);
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      for (const task of ['decode', 'encode'] as const) {
        const how: [Buffer, number] = [payload.message, iterations.get(contender) ?? 1];
        results.get(contender)?.[task].push(await measure(contender, task, how));
      }
    }
  }
  return results;
}

function sectionOf(payload: Payload, results: Results): Section {
  const rows = [...results].map(
    ([{ title }, { decode, encode }]): Row => ({
      name: title,
      figures: [spreadOf(decode), spreadOf(encode)],
    }),
  );
  const title = `codec: ${payload.name}, ${payload.message.length} bytes`;
  return { title, columns: ['decode µs', 'encode µs'], rows, goals: goalsOf(payload, results) };
}

function goalsOf({ encodeGoal }: Payload, results: Results): Goal[] {
  const of = (name: string) => [...results].find(([{ process }]) => process.name === name)?.[1];
  const ours = of('src/etf');
  const otp = of('Erlang/OTP');
  if (ours === undefined || otp === undefined) return [];
  const goals: Goal[] = [
    { text: 'decode beside Erlang/OTP', ratio: ratio(ours.decode, otp.decode), atMost: 1 },
  ];
  if (encodeGoal === undefined) return goals;
  return [
    ...goals,
    { text: 'encode beside Erlang/OTP', ratio: ratio(ours.encode, otp.encode), atMost: encodeGoal },
  ];
}

function ratio(ours: readonly number[], theirs: readonly number[]): Spread {
  return spreadOf(ours.map((micros, round) => micros / (theirs[round] ?? Number.NaN)));
}

/**
 * The codec beside Erlang's own and others of npm: a request and a profile, decoded and encoded, each codec in its
 * own process. Codecs that can't be installed are left out, with a note in `progress`.
 */
export async function benchEtf(options: EtfOptions): Promise<Section[]> {
  const { progress = () => {} } = options;
  const names = Object.keys(codecs).filter((name) => name.startsWith('src/') || installCodecs(progress));
  const processes = [...names.map((name) => CodecProcess.ofNode(name)), CodecProcess.ofErlang()];
  try {
    const contenders: Contender[] = [];
    for (const process of processes) {
      const contender = await prepare(process);
      if (contender === undefined) progress(`${process.name} does not run here and is left out`);
      else contenders.push(contender);
    }
    const sections: Section[] = [];
    for (const payload of payloads) {
      sections.push(sectionOf(payload, await measureRounds(contenders, payload, options)));
    }
    return sections;
  } finally {
    for (const process of processes) await process.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const quick = process.argv.includes('--quick');
  const sections = await benchEtf({ quick, progress: (text) => console.error(`  ${text}`) });
  for (const section of sections) console.log(`\n${tableLines(section).join('\n')}`);
}
