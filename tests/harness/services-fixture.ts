/** What the tests of `link`, `email` and `aws` have in common: a stage with a mail server or STS of its own. */
import assert from 'node:assert/strict';
import type { Redis } from 'ioredis';
import { mailSettings, stsSettings } from '../../dev/servers/services.ts';
import { type CaughtMail, type SmtpOptions, type SmtpSink, startSmtp } from '../../dev/servers/smtp.ts';
import { type StsServer, startSts } from '../../dev/servers/sts.ts';
import { atom, type Term, Tuple, tuple } from '../../src/etf/index.ts';
import { eventually, type Harness, type HarnessOptions, type Phone, startHarness } from './harness.ts';
import { profile, service, text, type Value } from './terms.ts';

export interface MailHarness {
  readonly harness: Harness;
  readonly sink: SmtpSink;
  stop(): Promise<void>;
}

/** Start a mail server and a stage whose workers mail by it. */
export async function startMailHarness(
  options: HarnessOptions = {},
  smtp: SmtpOptions = {},
): Promise<MailHarness> {
  const sink = await startSmtp(smtp);
  const settings = { ...mailSettings(sink), LOG_LEVEL: 'trace', ...options.settings };
  const harness = await startHarness({ ...options, settings });
  const stop = async () => {
    await sink.stop();
    await harness.stop();
  };
  return { harness, sink, stop };
}

export interface StsHarness {
  readonly harness: Harness;
  readonly sts: StsServer;
  stop(): Promise<void>;
}

/** 32 bytes in base64. */
export const credentialsKey = Buffer.alloc(32, 'key').toString('base64');

/** Start an STS and a stage whose workers ask it; they keep what it gives. */
export async function startStsHarness(options: HarnessOptions = {}): Promise<StsHarness> {
  const sts = await startSts();
  const settings = {
    ...stsSettings(sts),
    CREDENTIALS_KEY: credentialsKey,
    LOG_LEVEL: 'trace',
    ...options.settings,
  };
  const harness = await startHarness({ ...options, settings });
  const stop = async () => {
    await sts.stop();
    await harness.stop();
  };
  return { harness, sts, stop };
}

/** `{io,{ok,Code},Data}` */
export function success(code: string, data: Term = text('')): Tuple {
  return tuple(atom('io'), tuple(atom('ok'), atom(code)), data);
}

/** A `link` of these services, or of one `email` service with this address. */
export function link(phone: Phone, address: string | Term[]): Tuple {
  const services = typeof address === 'string' ? [emailService(address)] : address;
  return profile({ phone: phone.number, services, status: 'link' });
}

/** An `email` with the code in `data`. */
export function confirm(phone: Phone, address: Value, code: Value): Tuple {
  const services = [service({ id: address, type: atom('email'), data: code })];
  return profile({ phone: phone.number, services, status: 'email' });
}

export function emailService(id: Value, status?: string): Tuple {
  return service({ id, type: atom('email'), ...(status !== undefined && { status: atom(status) }) });
}

/** The code in a mail. */
export function codeIn({ text: body }: CaughtMail): string {
  const [code, ...more] = body.match(/^\d{6}$/gm) ?? [];
  assert.ok(code !== undefined && more.length === 0, 'one code stands in the mail');
  return code;
}

/** Have a code mailed to an address that had none before; returns it. */
export async function linked({ sink }: MailHarness, phone: Phone, address: string): Promise<string> {
  assert.deepEqual(await phone.ask(link(phone, address)), success('email_sent'));
  const mail = sink.mails().find(({ to }) => to[0] === address);
  assert.ok(mail, 'answered after the mail was taken');
  return codeIn(mail);
}

/** A phone, an address of its own, and the code that was mailed there. */
export async function asked(own: MailHarness) {
  const phone = await own.harness.phone();
  const address = `ann-${phone.number}@example.org`;
  return { phone, address, code: await linked(own, phone, address) };
}

/** How many wrong codes of a phone were counted, by what Redis holds; `undefined` without a code. */
export async function tries({ harness }: MailHarness, { number }: Phone): Promise<string | undefined> {
  const fields = Object.entries(await harness.database.hgetall(`verify:{${number}}`));
  return fields.find(([name]) => name.endsWith(':tries'))?.[1];
}

/** A code of six digits that is not this one. */
export function otherCode(code: string, distance = 1): string {
  return String((Number(code) + distance) % 1_000_000).padStart(6, '0');
}

/** Let so much time pass for the places taken in a limit, by the key's pattern. */
export async function age(database: Redis, pattern: string, milliseconds: number): Promise<void> {
  for (const key of await database.keys(pattern)) {
    for (const place of await database.zrange(key, '0', '-1')) {
      await database.zincrby(key, -milliseconds, `${place}`);
    }
  }
}

/** Every key of Redis with all that it holds, as text. */
export async function everythingIn(database: Redis): Promise<Map<string, string>> {
  const read: Record<string, (key: string) => Promise<unknown>> = {
    hash: async (key) => Object.entries(await database.hgetallBuffer(key)).flat(),
    list: (key) => database.lrange(key, 0, -1),
    set: (key) => database.smembers(key),
    string: async (key) => [await database.getBuffer(key)],
    zset: (key) => database.zrange(key, '0', '-1'),
  };
  const all = new Map<string, string>();
  for (const key of await database.keys('*')) {
    const type = await database.type(key);
    if (type === 'none') continue; // gone meanwhile
    const reader = read[type];
    assert.ok(reader, `${key} is of a type that is known here`);
    all.set(key, ((await reader(key)) as unknown[]).map(String).join('\n'));
  }
  return all;
}

/** Each worker's log and metrics hold none of these. */
export async function assertTellsNothing(harness: Harness, secrets: Iterable<string>): Promise<void> {
  const lines = () => harness.workers.flatMap((worker) => worker.log());
  await eventually('requests are logged', () => lines().some(({ msg }) => msg === 'request'));
  for (const worker of harness.workers) {
    await worker.idle();
    const told = worker.process.log() + (await worker.page('/metrics')).body;
    for (const secret of secrets) assert.ok(!holds(told, secret), `${secret} is told`);
  }
}

/** Neither the codes nor the addresses of the mails that were caught stand in a log or a metric. */
export function assertMailsAreSecret({ harness, sink }: MailHarness): Promise<void> {
  return assertTellsNothing(harness, new Set(sink.mails().flatMap((mail) => [codeIn(mail), ...mail.to])));
}

/** Whether a text holds a secret; six digits inside a longer number or behind its point are none. */
export function holds(all: string, secret: string): boolean {
  return /^\d+$/.test(secret) ? RegExp(`(?<![\\d.])${secret}(?!\\d)`).test(all) : all.includes(secret);
}

/** The fields of an answered `aws` service; fails for any other answer. */
export function credentialsIn(answer: Term) {
  assert.ok(answer instanceof Tuple);
  const [io, result, data] = answer.elements;
  assert.deepEqual([io, result], [atom('io'), tuple(atom('ok'), atom('aws'))]);
  assert.ok(data instanceof Tuple);
  const [tag, id, type, unused, login, password, expiration, status] = data.elements;
  assert.deepEqual([tag, type, unused, status], [atom('Service'), atom('aws'), [], atom('verified')]);
  const [accessKeyId, secretAccessKey, sessionToken] = [id, login, password].map((term) => {
    assert.ok(term instanceof Uint8Array);
    return Buffer.from(term).toString();
  });
  return { keys: { accessKeyId, secretAccessKey, sessionToken }, expiration };
}

/** The answer of credentials that come later. */
export const later = success('aws', service({ type: atom('aws'), status: atom('added') }));

export function aws({ number: phone }: Phone): Tuple {
  return profile({ phone, status: 'aws' });
}

/** All that no log may tell of what an STS has issued, and of the key pair that it is asked with. */
export function secretsOf(sts: StsServer): string[] {
  const issued = sts.requests().flatMap((call) => Object.values(call.issued?.keys ?? {}));
  return [sts.environment.AWS_SECRET_ACCESS_KEY ?? assert.fail(), ...issued];
}
