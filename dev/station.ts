import { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import { hintTopic } from '../src/qa/formats/hint.ts';
import { windowWidth, wrapped } from '../src/qa/formats/wrap.ts';
import { type Explorers, signInAs } from './explorers.ts';
import { fixtures, fixtureTopic, makeFixture } from './fixtures.ts';
import { keptHints } from './kept-hints.ts';
import { devices, olena } from './phones.ts';
import type { CaughtMail, SmtpSink } from './servers/smtp.ts';
import { publishStatus } from './status.ts';
import { topics } from './topics.ts';
import type { Troubled } from './trouble-orders.ts';
import { Troubles, troubleOrders, troubleTopic } from './troubles.ts';

export interface StationOptions {
  readonly system: Troubled;
  /** Puts the phones' sessions and profiles back as they were at the start. */
  readonly startAnew: () => Promise<void>;
  readonly explorers: Pick<Explorers, 'signInAgain'>;
  readonly print: (line: string) => void;
}

const resetTopic = 'dev/reset';
const signInTopic = 'dev/sign-in';
const mailTopic = 'dev/mail';
const helpTopic = 'dev/help';

/**
 * What a tester may do to the system with MQTT Explorer alone, by a publish: `dev/trouble`, `dev/reset`, `dev/sign-in`,
 * `dev/fixture`. Retained: how to, on `dev/help`; the state on `qa/status` and `dev/trouble/<server>`; the last code for an address
 * on `dev/mail/<address>`.
 */
export async function openStation({ system, startAnew, explorers, print }: StationOptions) {
  const { mosquitto, smtp } = system;
  const redis = new Redis(system.redis.url);
  redis.on('error', () => undefined); // Trouble on purpose stops it.
  const connection = await connectAsync(mosquitto.url, { clientId: 'dev-station', protocolVersion: 5 });
  connection.on('error', () => undefined);
  const keep = (topic: string, text: string, retain = true): void =>
    void connection.publish(topic, text, { qos: 1, retain });
  const troubles = new Troubles(system, (server, state) => {
    print(state);
    keep(`${troubleTopic}/${server ?? 'help'}`, state, server !== undefined);
  });
  const codes = keepCodes(smtp, keep);
  const hints = await keptHints(connection);
  const status = publishStatus({ system, states: () => troubles.states, connection });

  const reset = async (): Promise<void> => {
    await troubles.endAll();
    smtp.forget();
    codes.forget();
    await startAnew();
    await explorers.signInAgain();
    await hints.forgetAll();
    print('all is as it was at the start');
    keep(`${resetTopic}/done`, `all is as it was at the start; ${new Date().toISOString()}`, false);
  };
  const signIn = async (text: string): Promise<void> => {
    const [, client, phone] = /^([^\s/+#]{1,128})\s+(\d{5,15})$/.exec(text.trim()) ?? [];
    if (client !== undefined && phone !== undefined) {
      await signInAs(redis, { client, phone });
      await hints.forget(client);
    }
    const state =
      client === undefined
        ? `not understood; such as: mqtt-explorer-1a2b3c4d ${olena.phone}`
        : `${client} is signed in as ${phone}`;
    print(state);
    keep(`${signInTopic}/done`, state, false);
  };
  const fixture = async (text: string): Promise<void> => {
    const { name, state } = await makeFixture(text, { brokerUrl: mosquitto.url, redis, smtp });
    print(state);
    keep(`${fixtureTopic}/${name}`, state, false);
  };
  const orders: Readonly<Record<string, (text: string) => Promise<void>>> = {
    [troubleTopic]: (text) => troubles.order(text),
    [resetTopic]: reset,
    [signInTopic]: signIn,
    [fixtureTopic]: fixture,
  };
  connection.on('message', (topic, payload, { retain }) => {
    // MQTT Explorer deletes what is retained by a click.
    if (topic === helpTopic && payload.toString() !== help) keep(helpTopic, help);
    const order = orders[topic];
    if (order === undefined || retain || (payload.length === 0 && topic !== resetTopic)) return;
    order(payload.toString()).catch((error: unknown) =>
      print(`${topic}: ${error instanceof Error ? error.message : 'failed'}`),
    );
  });
  await connection.subscribeAsync([...Object.keys(orders), helpTopic], { qos: 1 });
  keep(helpTopic, help);
  // The opening conversation has signed one of them out.
  for (const { client } of devices) keep(hintTopic(client), '');
  return {
    async leave(): Promise<void> {
      status.stop();
      await troubles.leave();
      await connection.endAsync(true);
      redis.disconnect();
    },
  };
}

/** So many addresses have their last code on a topic. */
const maxAddresses = 100;

/** Keeps the last code for an address on `dev/mail/<address>`. */
function keepCodes(smtp: SmtpSink, keep: (topic: string, text: string) => void) {
  const kept = new Set<string>();
  smtp.onMail(({ to, text }: CaughtMail) => {
    const [code] = /\b\d{6}\b/.exec(text) ?? [];
    for (const address of code === undefined ? [] : to) {
      const topic = `${mailTopic}/${address.replaceAll(/[/+#\0]/g, '-').slice(0, 256)}`;
      kept.delete(topic);
      kept.add(topic);
      const [oldest] = kept;
      if (kept.size > maxAddresses && oldest !== undefined) {
        kept.delete(oldest);
        keep(oldest, '');
      }
      keep(topic, code ?? '');
    }
  });
  return {
    forget(): void {
      for (const topic of kept) keep(topic, '');
      kept.clear();
    },
  };
}

/** Names and what they do, in lines that MQTT Explorer shows whole. */
function table(rows: readonly (readonly [name: string, text: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows
    .flatMap(([name, text]) =>
      wrapped(text, windowWidth - width).map((line, at) => `${(at === 0 ? name : '').padEnd(width)}${line}`),
    )
    .join('\n');
}

const help = `What a publish does here, besides requests on
${topics.request()}; "retain" is not ticked.

${table([
  ['dev/reset', 'anything: phones, profiles, mails and trouble are as they were at the start'],
  ['dev/sign-in', '<client id> <phone>: the client belongs to that phone from now on'],
  ['dev/fixture', `one of these, and a phone if it is not ${olena.phone}:`],
  ...Object.entries(fixtures).map(([name, { has }]) => [`  ${name}`, has] as const),
  ['dev/trouble', 'one of these; each ends by itself after a minute, or the seconds in "… for 300":'],
])}
${troubleOrders.map((line) => `  ${line}`).join('\n')}
  slow takes milliseconds (mail slow 5000), clock off
  seconds, rate limit requests a second

To be read
${table([
  ['  qa/help, qa/examples', 'how to ask'],
  ['  qa/status', 'workers, their version, trouble in force'],
  ['  qa/hint/<client id>', 'why a client has no answer'],
  ['  dev/mail/<address>', 'the last code that was mailed there'],
  ['  dev/trouble/<server>', 'what is the case'],
])}

Phones
${table(devices.map(({ client, phone }) => [`  ${phone}`, client]))}
Each MQTT Explorer that connects is signed in, again too.
`;
