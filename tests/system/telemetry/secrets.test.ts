/**
 * Nothing exposes a secret. Runs a conversation with every kind of request and every kind of fault, and then searches
 * all output for every code, token, address, password, credential and key in it.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { startServices } from '../../../dev/servers/services.ts';
import { atom, type Term } from '../../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { profilectl } from '../../harness/profilectl.ts';
import {
  aws,
  codeIn,
  confirm,
  credentialsKey,
  everythingIn,
  holds,
  link,
  otherCode,
  secretsOf,
  success,
} from '../../harness/services-fixture.ts';
import { feature, profile, refusal, service } from '../../harness/terms.ts';

/** Every secret of the settings. */
const own = {
  mqttPassword: 'mqtt-Password-7c1f',
  redisPassword: 'redis-Password-93ab',
  smtpPassword: 'smtp-Password-d04e',
  verifySecret: 'verify-Secret-of-more-than-32-characters',
  credentialsKey,
};

const services = await startServices({ user: 'mailer', password: own.smtpPassword });
const { smtp: sink, sts } = services;
const harness = await startHarness({
  workers: 0,
  broker: { plugin: false },
  redis: { extraConfig: `user worker on >${own.redisPassword} ~* &* +@all` },
});
const settings = {
  ...services.settings,
  MQTT_USERNAME: 'worker',
  MQTT_PASSWORD: own.mqttPassword,
  REDIS_URL: harness.redis.url.replace('//', `//worker:${own.redisPassword}@`),
  CLIENT_IDENTITY: 'token',
  SMTP_TIMEOUT_MS: '2000',
  VERIFY_SECRET: own.verifySecret,
  AWS_DEADLINE_MS: '3000',
  CREDENTIALS_KEY: own.credentialsKey,
  LOG_LEVEL: 'trace',
};
for (let count = 0; count < 2; count++) await harness.startWorker(settings);
after(async () => {
  await services.stop();
  await harness.stop();
});

/** A client whose token stands in the topic of each of its requests. */
class Speaker {
  readonly phone: Phone;
  readonly token: string;

  private constructor(phone: Phone, token: string) {
    this.phone = phone;
    this.token = token;
  }

  static async signIn(name: string): Promise<Speaker> {
    const token = `token-of-${name}-5f2e`;
    return new Speaker(await harness.phone({ token, client: `client-of-${name}` }), token);
  }

  ask(request: Term | Buffer, token = this.token): Promise<Term> {
    return this.phone.ask(request, { topic: `events/1//api/anon/${this.phone.client}/${token}` });
  }
}

test('no code, token, address, password, credential or key stands in clear where it does not belong', async () => {
  const olena = await Speaker.signIn('olena');
  const taras = await Speaker.signIn('taras');
  const fresh = await Speaker.signIn('fresh');
  const { phone } = olena;
  const address = 'olena.private@mailbox.example.org';
  const refused = 'refused.private@mailbox.example.org';
  const vox = service({ id: 'vox-login', type: atom('vox') });
  const guesses: string[] = [];
  const printed: string[] = [];

  // successful requests
  const set = profile({ phone: phone.number, status: 'set', services: [vox], settings: [feature('a', 'b')] });
  await olena.ask(set);
  await taras.ask(profile({ phone: taras.phone.number, status: 'set' }));
  assert.deepEqual(await olena.ask(link(phone, address)), success('email_sent'));
  const code = codeIn(sink.mails().at(-1) ?? assert.fail('no mail'));
  for (const distance of [1, 2]) {
    guesses.push(otherCode(code, distance));
    assert.deepEqual(
      await olena.ask(confirm(phone, address, otherCode(code, distance))),
      refusal('wrong_code'),
    );
  }
  assert.deepEqual(await olena.ask(confirm(phone, address, code)), success('verified'));
  await olena.ask(aws(phone));
  await eventually(
    'credentials are kept',
    async () => (await harness.database.exists(`aws:{${phone.number}}`)) === 1,
  );

  // a code that is still valid, of another phone
  const open = 'taras.private@mailbox.example.org';
  assert.deepEqual(await taras.ask(link(taras.phone, open)), success('email_sent'));
  const openCode = codeIn(sink.mails().at(-1) ?? assert.fail('no mail'));

  // mail refused at each step; STS denied, failing, garbled
  const refusals = ['mail', 'rcpt', 'data', 'auth'] as const;
  for (const where of refusals) {
    sink.dropConnections();
    sink.refuse(where);
    const client = await Speaker.signIn(`mail-${where}`);
    await client.ask(profile({ phone: client.phone.number, status: 'set' }));
    assert.deepEqual(await client.ask(link(client.phone, refused)), refusal('email_send'), where);
  }
  sink.refuse('none');
  for (const mode of ['AccessDenied', '500', 'malformed'] as const) {
    sts.mode(mode);
    const client = await Speaker.signIn(`sts-${mode}`);
    await client.ask(aws(client.phone));
  }
  sts.mode('success');

  // wrong tokens, unreadable payloads, Redis that refuses
  const wrongToken = 'a-guessed-token-77aa';
  assert.deepEqual(await taras.ask(aws(taras.phone), wrongToken), refusal('not_authorized'));
  assert.deepEqual(await olena.ask(Buffer.from(`${address} ${olena.token}`)), refusal('invalid_data'));
  await harness.database.set(`profile:{${fresh.phone.number}}`, 'of another type');
  const get = profile({ phone: fresh.phone.number, status: 'get' });
  assert.deepEqual(await fresh.ask(get), refusal('internal'));
  await harness.database.del(`profile:{${fresh.phone.number}}`);
  await harness.database.set(`verify:{${taras.phone.number}}:x`, 'x');

  // broker and Redis go and come back; a worker that may not log in; wrong settings
  await harness.redis.restart();
  await eventually('they are ready', async () => {
    const pages = await Promise.all(harness.workers.map((worker) => worker.page('/readyz')));
    return pages.every(({ status }) => status === 200);
  });
  await olena.ask(profile({ phone: phone.number, status: 'get' }));
  const forbidden = await profilectl(
    {
      MQTT_URL: harness.broker.url,
      REDIS_URL: settings.REDIS_URL?.replace(own.redisPassword, `${own.redisPassword}x`) ?? '',
    },
    'session',
    'list',
    '--redis-only',
  );
  const wrong = await profilectl(
    { ...settings, MQTT_URL: own.mqttPassword, CREDENTIALS_KEY: own.redisPassword },
    'session',
    'list',
  );
  assert.notEqual(forbidden.exitCode, 0);
  assert.equal(wrong.exitCode, 78);
  const listed = await profilectl(
    { ...settings, MQTT_URL: harness.broker.url },
    'session',
    'list',
    '--redis-only',
  );
  assert.equal(listed.exitCode, 0);
  printed.push(...[forbidden, wrong, listed].flatMap(({ stdout, stderr }) => [stdout, stderr]));

  // a migration and a removal
  await olena.ask(profile({ phone: fresh.phone.number, status: 'migrate' }));
  await fresh.ask(profile({ phone: fresh.phone.number, status: 'phone' }));
  await taras.ask(profile({ phone: taras.phone.number, status: 'get' }));

  const secrets = {
    code,
    openCode,
    guesses,
    tokens: [olena.token, taras.token, fresh.token, wrongToken],
    addresses: [address, open, refused],
    own: Object.values(own),
    aws: secretsOf(sts),
  };
  assert.ok(secrets.aws.length >= 3, 'STS has issued some');
  const all = Object.values(secrets).flat();

  for (const worker of harness.workers) {
    await worker.idle();
    const log = worker.process.log();
    assert.ok(
      log.includes('"mail refused"') || log.includes('"request"'),
      'the log tells of the conversation',
    );
    const pages = await Promise.all(['/metrics', '/readyz', '/livez'].map((path) => worker.page(path)));
    assertHoldsNone(`${log}${pages.map(({ body }) => body).join('\n')}`, all, 'log or metrics');
    const numbers = [olena, taras, fresh].map((speaker) => speaker.phone.number);
    assertHoldsNone(
      `${log}${pages.map(({ body }) => body).join('\n')}`,
      numbers,
      'log or metrics, a whole phone',
    );
  }
  assertHoldsNone(harness.broker.log(), all, 'the broker’s log');
  assertHoldsNone(printed.join('\n'), all, 'what profilectl prints');
  assert.ok(
    harness.workers.some((worker) => worker.log().some(({ level }) => level === 'error')),
    'a fault was logged',
  );

  // The profile has moved, and its address with it.
  const owners = new Map([
    [address, `profile:{${fresh.phone.number}}`],
    [open, `profile:{${taras.phone.number}}`],
  ]);
  const kept = await everythingIn(harness.database);
  assert.ok(kept.size > 10);
  for (const [key, value] of kept) {
    const mayStand = all.filter((secret) => owners.get(secret) === key);
    assertHoldsNone(
      `${key}\n${value}`,
      all.filter((secret) => !mayStand.includes(secret)),
      `Redis, ${key}`,
    );
  }
  assert.ok(kept.get(owners.get(address) ?? '')?.includes(address), 'an address stands in its own profile');
});

test('the search finds planted secrets', () => {
  assert.throws(() => assertHoldsNone('a line with token-of-x in it', ['token-of-x'], 'here'));
  assert.throws(() => assertHoldsNone('code 123456.', ['123456'], 'here'));
  assert.doesNotThrow(() => assertHoldsNone('at 1123456 ms', ['123456'], 'here'));
});

function assertHoldsNone(all: string, secrets: readonly string[], where: string): void {
  for (const secret of secrets) {
    const forms = [
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    ];
    const found = (/^\d+$/.test(secret) ? [secret] : forms).filter((form) => holds(all, form));
    const at = all.indexOf(found[0] ?? '');
    assert.deepEqual(found, [], `${where}: ${inspect(all.slice(Math.max(0, at - 80), at + 80))}`);
  }
}
