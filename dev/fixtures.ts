import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import { decode, encode, parse } from '../src/etf/index.ts';
import { print } from '../src/etf/text.ts';
import { signInAs } from './explorers.ts';
import { olena, olenasNew } from './phones.ts';
import { contact, emailService, profile, roster } from './record-texts.ts';
import type { SmtpSink } from './servers/smtp.ts';
import { topics } from './topics.ts';

export const fixtureTopic = 'dev/fixture';

interface Bench {
  readonly phone: string;
  /** Asks as a client of the phone. @returns the answer in Erlang text. */
  ask(text: string): Promise<string>;
  readonly redis: Redis;
  readonly smtp: SmtpSink;
}

const address = 'fixture@example.org';

/** What can be ordered for a phone, and what it then has. */
export const fixtures: Readonly<
  Record<string, { readonly make: (bench: Bench) => Promise<string>; readonly has: string }>
> = {
  contacts: {
    has: 'a profile with 500 contacts',
    make: ({ phone, ask }) => {
      const all = Array.from({ length: 500 }, (_, n) =>
        contact(`38077${1_000_000 + n}_1`, `Contact ${n + 1}`),
      );
      return ask(profile(phone, 'set', { rosters: `[${roster(1, 'Fixture', all.join(','))}]` }));
    },
  },
  verified: {
    has: `a verified address, ${address}`,
    make: async (bench) => {
      const code = await mailCode(bench);
      return bench.ask(profile(bench.phone, 'email', { services: `[${emailService(address, code, '[]')}]` }));
    },
  },
  expired: {
    has: `a code for ${address} that has expired: email is answered wrong_code`,
    make: async (bench) => {
      const code = await mailCode(bench);
      await bench.redis.del(`verify:{${bench.phone}}`);
      return `the code was ${code}`;
    },
  },
  migration: {
    has: `a pending migration to ${olenasNew.phone}, which a client of that phone confirms with phone`,
    make: ({ ask }) => ask(profile(olenasNew.phone, 'migrate')),
  },
};

/** Asks for a code for the address, whatever was asked before. @throws Error when none is mailed. */
async function mailCode({ phone, ask, redis, smtp }: Bench): Promise<string> {
  const limits = await redis.keys(`limit:{${phone}}:*`);
  await redis.del(`verify:{${phone}}`, ...limits, ...(await redis.keys('limit:*:address')));
  const before = smtp.mails().length;
  const answer = await ask(profile(phone, 'link', { services: `[${emailService(address, '[]', '[]')}]` }));
  if (!answer.includes('email_sent')) throw new Error(`link was answered ${answer}`);
  const mail = smtp
    .mails()
    .slice(before)
    .find(({ to }) => to.includes(address));
  const [code] = /\b\d{6}\b/.exec(mail?.text ?? '') ?? [];
  if (code === undefined) throw new Error('no code was mailed');
  return `<<"${code}">>`;
}

export interface FixtureServers {
  readonly brokerUrl: string;
  readonly redis: Redis;
  readonly smtp: SmtpSink;
}

const askTimeoutMs = 30_000;

/**
 * Makes what `contacts`, `verified`, `expired` or `migration` has, by requests of a client of that phone.
 * @param order - the name, and a phone; default Olena's.
 * @returns what is the case then.
 */
export async function makeFixture(
  order: string,
  { brokerUrl, redis, smtp }: FixtureServers,
): Promise<{ readonly name: string; readonly state: string }> {
  const [, name = '', phone = olena.phone] = /^(\w+)(?:\s+(\d{5,15}))?$/.exec(order.trim()) ?? [];
  const fixture = Object.hasOwn(fixtures, name) ? fixtures[name] : undefined;
  if (fixture === undefined)
    return {
      name: 'help',
      state: `not understood; one of ${Object.keys(fixtures).join(', ')}, and a phone if it is not ${olena.phone}`,
    };
  const client = `dev-fixture-${randomBytes(4).toString('hex')}`;
  await signInAs(redis, { client, phone });
  const connection = await connectAsync(brokerUrl, { clientId: client, protocolVersion: 5 });
  connection.on('error', () => undefined);
  try {
    await connection.subscribeAsync(topics.answer(client), { qos: 1 });
    const ask = async (text: string): Promise<string> => {
      const answered = new Promise<Buffer>((resolve, reject) => {
        connection.once('message', (_, payload) => resolve(payload));
        setTimeout(() => reject(new Error('no answer')), askTimeoutMs).unref();
      });
      await connection.publishAsync(topics.request(), encode(parse(text)), { qos: 1 });
      return print(decode(await answered));
    };
    const bench = { phone, ask, redis, smtp };
    // Each needs a profile.
    if ((await ask(profile(phone, 'get'))).includes('not_found')) await ask(profile(phone, 'set'));
    const said = await fixture.make(bench);
    if (said.startsWith('{io,{error')) throw new Error(said);
    const end = said.startsWith('the code') ? `; ${said}` : '';
    return { name, state: `${phone} has ${fixture.has}${end}` };
  } catch (error) {
    return { name, state: `not made: ${error instanceof Error ? error.message : 'failed'}` };
  } finally {
    await connection.endAsync();
    await redis.del(`session:${client}`);
    await redis.srem(`sessions:{${phone}}`, client);
  }
}
