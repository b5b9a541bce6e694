import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, Command, Option } from 'commander';
import { atom, decode, encode, isAtom, print, type Term, Tuple } from '../etf/index.ts';
import { type RequestKind, requestKinds } from '../handlers/index.ts';
import { kindsThatNamePhone } from '../protocol/profile.ts';
import type { Topics } from '../protocol/topics.ts';
import { printLines } from '../qa/formats/erlang-lines.ts';
import type { Format } from '../qa/formats/format.ts';
import { toJson } from '../qa/formats/json-write.ts';
import { makeRecord } from '../qa/formats/record-fields.ts';
import { answerLimits, writeFormat } from '../qa/formats/write.ts';
import { type CliClient, connectClient } from './client.ts';
import type { Connections } from './connections.ts';
import { formats, inOneLine, readInput, toMessage } from './payloads.ts';
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
    .option('--json', 'for scripts')
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
  refuseUnused(kind, options);
  const message =
    kind === 'file' ? toMessage(await readInput(undefined, options.file)) : encode(requestOf(kind, options));
  const { topics } = connections;
  const client = { ...(await connectClient(connections.brokerSettings, options)), topics };
  try {
    const asked = await ask(client, message, options);
    report(asked, options, terminal);
    if (options.watch) await watch(client, options, terminal);
    if (isRefusal(asked.answer)) throw new CliFault(`refused: ${print(asked.answer)}`);
  } finally {
    await client.mqtt.endAsync(true);
  }
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

interface Asked {
  readonly topic: string;
  readonly answersOn: string;
  readonly request: Term;
  readonly answer: Term;
  readonly milliseconds: number;
}

interface Asking extends CliClient {
  readonly topics: Topics;
}

async function ask({ mqtt, token, topics }: Asking, message: Uint8Array, options: Options): Promise<Asked> {
  const topic = topics.request(token === '' ? '' : options.client, token);
  const answersOn = topics.answer(options.client);
  const correlationData = Buffer.from(randomUUID());
  await mqtt.subscribeAsync(answersOn, { qos: 1 });
  const started = performance.now();
  const answered = new Promise<Buffer>((resolve) => {
    mqtt.on('message', (_, payload, { properties }) => {
      if (properties?.correlationData?.equals(correlationData)) resolve(payload);
    });
  });
  const { as, timeout } = options;
  const published = mqtt.publishAsync(topic, writeFormat(message, as), {
    qos: 1,
    properties: { correlationData },
  });
  const refused = published.then(
    () => new Promise<never>(() => undefined),
    (error: Error) => Promise.reject(new CliFault(`the broker does not take the request: ${error.message}`)),
  );
  const late = sleep(timeout * 1000, undefined, { ref: false });
  const payload = await Promise.race([answered, refused, late]);
  if (payload === undefined) {
    throw new CliFault(`no answer within ${timeout} s; \`profilectl doctor\` finds out why`);
  }
  return {
    topic: token === '' ? topic : topics.request(options.client, '<token>'),
    answersOn,
    request: decode(message, answerLimits),
    answer: decode(toMessage(payload), answerLimits),
    milliseconds: Math.round((performance.now() - started) * 10) / 10,
  };
}

function report(asked: Asked, options: Options, terminal: Terminal): void {
  const { topic, answersOn, request, answer, milliseconds } = asked;
  if (options.json) {
    terminal.print(JSON.stringify({ topic, request: toJson(request), answer: toJson(answer), milliseconds }));
    return;
  }
  terminal.print(`${terminal.paint('cyan', `→ ${topic}`)}  ${inOneLine(encode(request), 'shown')}`);
  const time = terminal.paint('dim', `% ${milliseconds} ms`);
  terminal.print(`${terminal.paint('green', `← ${answersOn}`)}  ${time}`);
  terminal.print(printLines(answer));
}

function isRefusal(answer: Term): boolean {
  const [, code] = answer instanceof Tuple ? answer.elements : [];
  return code instanceof Tuple && isAtom(code.elements[0], 'error');
}
