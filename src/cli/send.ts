import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, Command, Option } from 'commander';
import { atom, decode, encode, isAtom, print, type Term, Tuple } from '../etf/index.ts';
import { type RequestKind, requestKinds } from '../handlers/index.ts';
import { kindsThatNamePhone } from '../protocol/profile.ts';
import type { Topics } from '../protocol/topics.ts';
import { printLines } from '../qa/formats/erlang-lines.ts';
import type { Format } from '../qa/formats/format.ts';
import { makeRecord } from '../qa/formats/record-fields.ts';
import { answerLimits, writeFormat } from '../qa/formats/write.ts';
import { type CliClient, connectClient } from './client.ts';
import type { Connections } from './connections.ts';
import { showMessage } from './message.ts';
import { formats, inOneLine, readInput, toMessage } from './payloads.ts';
import { shorten } from './shorten.ts';
import { CliFault, positive, type Terminal } from './terminal.ts';
import { watch } from './watch.ts';

interface Options {
  readonly client: string;
  readonly phone?: string;
  readonly tokenFile?: string;
  readonly email?: string;
  readonly code?: string;
  readonly presence?: string;
  readonly file?: string;
  readonly as: Format;
  readonly timeout: number;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly full?: boolean;
}

/** `profilectl send`: send a request as a client, and show it with its answer. */
export function sendCommand(connections: Connections, terminal: Terminal): Command {
  return new Command('send')
    .description('ask as a client would; prints topic, term and answer')
    .addArgument(new Argument('<request>', 'what to ask').choices([...requestKinds, 'file']))
    .requiredOption('--client <id>', 'MQTT client id; a client that is connected under it is cut off')
    .option(
      '--phone <digits>',
      'whose profile; default that of the session, except for remove, migrate and phone',
    )
    .option('--email <address>', 'for link and email')
    .option('--code <digits>', 'for email: the code from the mail')
    .option('--presence <atom>', 'for set and update; update has the time of now')
    .option('--file <path>', 'with `send file`: the payload, in any form; - for standard input')
    .option('--token-file <path>', 'log in as the client, with the token in this file')
    .addOption(
      new Option('--as <form>', 'what to publish; all but etf needs QA_TEXT=on')
        .choices(formats)
        .default('etf'),
    )
    .option('--timeout <seconds>', 'how long to wait for the answer', positive, 5)
    .option('--watch', 'go on showing what passes')
    .option('--full', 'also the whole of long lists')
    .option(
      '--json',
      'for scripts: always one object, that of `watch --json` with request, milliseconds and error',
    )
    .action((request: RequestKind | 'file', options: Options) =>
      send(request, options, connections, terminal),
    )
    .addHelpText(
      'after',
      `
Exit code 0 if the request was done, 1 if it was refused or not answered.

Examples:
  $ profilectl send get --client emqttd_42
  $ profilectl send get --phone 380501112233 --client emqttd_42
  $ profilectl send link --phone 380501112233 --client emqttd_42 --email olena@example.org
  $ profilectl send email --phone 380501112233 --client emqttd_42 --email olena@example.org --code 042137
  $ profilectl send update --phone 380501112233 --client emqttd_42 --presence online --watch
  $ profilectl send file --client emqttd_42 --file set.erl`,
    );
}

async function send(
  kind: RequestKind | 'file',
  options: Options,
  connections: Connections,
  terminal: Terminal,
): Promise<void> {
  const sent: Sent = {};
  let isReported = false;
  const report = (error?: string): void => {
    isReported = true;
    if (options.json) terminal.print(JSON.stringify(objectOf(sent, options, error)));
    else if (sent.answer !== undefined) printExchange(sent, options, terminal);
  };
  try {
    sent.topics = connections.topics;
    refuseUnused(kind, options);
    sent.message =
      kind === 'file'
        ? toMessage(await readInput(undefined, options.file))
        : encode(requestOf(kind, options));
    const client = await connectClient(connections.brokerSettings, options);
    const watched = { ...client, topics: sent.topics };
    try {
      Object.assign(sent, await ask(watched, sent.message, options));
      const refusal = refusalOf(sent.answer);
      report(refusal);
      if (options.watch) await watch(watched, options, terminal);
      if (refusal !== undefined) throw new CliFault(refusal);
    } finally {
      await client.mqtt.endAsync(true);
    }
  } catch (error) {
    // A script gets an object whatever happens.
    if (!isReported) report(error instanceof Error ? error.message : 'failed');
    throw error;
  }
}

/** A request and what became of it, as far as it came. */
interface Sent {
  topics?: Topics;
  message?: Uint8Array;
  answer?: Term;
  payload?: Uint8Array;
  milliseconds?: number;
}

/** Refuse options that have no effect on this request. @throws CliFault */
function refuseUnused(kind: RequestKind | 'file', options: Options): void {
  const uses: [name: 'phone' | 'email' | 'code' | 'presence' | 'file', by: readonly string[]][] = [
    ['phone', requestKinds],
    ['email', ['link', 'email']],
    ['code', ['email']],
    ['presence', ['set', 'update']],
    ['file', ['file']],
  ];
  for (const [name, by] of uses) {
    if (options[name] !== undefined && !by.includes(kind))
      throw new CliFault(`--${name} is for ${by.join(', ')}; ${kind} takes none`);
  }
}

function requestOf(kind: RequestKind, { phone, email, code, presence }: Options): Tuple {
  if (phone === undefined && kindsThatNamePhone.has(kind))
    throw new CliFault(`--phone says whose profile; ${kind} needs it`);
  const values = new Map<string, Term>([['status', atom(kind)]]);
  if (phone !== undefined) values.set('phone', Buffer.from(phone));
  if (email !== undefined) {
    const service = new Map<string, Term>([
      ['id', Buffer.from(email)],
      ['type', atom('email')],
    ]);
    if (code !== undefined) service.set('data', Buffer.from(code));
    values.set('services', [makeRecord('Service', service)]);
  }
  if (presence !== undefined) values.set('presence', atom(presence));
  if (kind === 'update' || kind === 'migrate') values.set('update', Date.now());
  return makeRecord('Profile', values);
}

interface Asking extends CliClient {
  readonly topics: Topics;
}

async function ask(
  { mqtt, token, topics, broken }: Asking,
  message: Uint8Array,
  { client, as, timeout }: Options,
): Promise<Required<Pick<Sent, 'answer' | 'payload' | 'milliseconds'>>> {
  const topic = topics.request(token === '' ? '' : client, token);
  const correlationData = Buffer.from(randomUUID());
  await Promise.race([mqtt.subscribeAsync(topics.answer(client), { qos: 1 }), broken]);
  const started = performance.now();
  const answered = new Promise<Buffer>((resolve) => {
    mqtt.on('message', (_, payload, { properties }) => {
      if (properties?.correlationData?.equals(correlationData)) resolve(payload);
    });
  });
  const published = mqtt.publishAsync(topic, writeFormat(message, as), {
    qos: 1,
    properties: { correlationData },
  });
  const refused = published.then(
    () => new Promise<never>(() => undefined),
    (error: Error) => Promise.reject(new CliFault(`the broker does not take the request: ${error.message}`)),
  );
  const late = sleep(timeout * 1000, undefined, { ref: false });
  const payload = await Promise.race([answered, refused, late, broken]);
  if (payload === undefined) {
    throw new CliFault(`no answer within ${timeout} s; \`profilectl doctor\` finds out why`);
  }
  return {
    payload,
    answer: decode(toMessage(payload), answerLimits),
    milliseconds: Math.round((performance.now() - started) * 10) / 10,
  };
}

function printExchange(sent: Sent, options: Options, terminal: Terminal): void {
  const { topics, message = new Uint8Array(), answer = [], milliseconds } = sent;
  const asked = `→ ${requestTopic(topics, options)}`;
  terminal.print(`${terminal.paint('cyan', asked)}  ${inOneLine(message, 'shown')}`);
  const time = terminal.paint('dim', `% ${milliseconds} ms`);
  terminal.print(`${terminal.paint('green', `← ${topics?.answer(options.client)}`)}  ${time}`);
  terminal.print(printLines(options.full ? answer : shorten(answer)));
}

function requestTopic(topics: Topics | undefined, { client, tokenFile }: Options): string {
  return topics?.request(...(tokenFile === undefined ? [] : [client, '<token>'])) ?? '';
}

/** The answer as `watch --json` shows it, with its request, the time that it took, and what went wrong; these are `null` if not known. */
function objectOf(sent: Sent, options: Options, error: string | undefined): object {
  const { client } = options;
  const { topics, message, payload, milliseconds = null } = sent;
  const none = {
    kind: 'answer',
    topic: topics?.answer(client) ?? null,
    client,
    bytes: 0,
    text: null,
    term: null,
  };
  const show = (topic: string, bytes: Uint8Array) =>
    topics === undefined ? undefined : showMessage({ topic, payload: bytes }, topics, 'shown');
  return {
    ...((payload && show(topics?.answer(client) ?? '', payload)) ?? none),
    request: (message && show(requestTopic(topics, options), message)) ?? null,
    milliseconds,
    error: error ?? null,
  };
}

function refusalOf(answer: Term | undefined): string | undefined {
  const [, code] = answer instanceof Tuple ? answer.elements : [];
  const isRefused = answer !== undefined && code instanceof Tuple && isAtom(code.elements[0], 'error');
  return isRefused ? `refused: ${print(answer)}` : undefined;
}
