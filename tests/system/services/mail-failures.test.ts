import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CaughtMail, startSmtp } from '../../../dev/servers/smtp.ts';
import { type Mail, openMail } from '../../../src/services/mail/mailer.ts';
import { eventually } from '../../harness/eventually.ts';
import { caught, header, message, start } from '../../harness/mail-fixture.ts';

test('a wrong password is refused', async (t) => {
  const sink = await startSmtp({ user: 'ann', password: 'right' });
  t.after(() => sink.stop());
  const { mail, failures } = await start(t, {}, { url: sink.url.replace('right', 'wrong') });
  assert.equal(await mail.sendCode(message), 'refused');
  assert.deepEqual(failures, [{ cause: 'EAUTH', command: 'AUTH', responseCode: 535, enhancedCode: '5.7.8' }]);
});

const refusals = [
  ['auth', { cause: 'EAUTH', command: 'AUTH', responseCode: 535 }],
  ['mail', { cause: 'EENVELOPE', command: 'MAIL', responseCode: 550 }],
  ['rcpt', { cause: 'EENVELOPE', command: 'RCPT', responseCode: 550 }],
  ['temporary', { cause: 'EENVELOPE', command: 'RCPT', responseCode: 450 }],
  ['data', { cause: 'EMESSAGE', command: 'DATA', responseCode: 554 }],
] as const;

for (const [stage, expected] of refusals) {
  test(`a server that refuses at ${stage}: refused with its codes, and the next mail passes`, async (t) => {
    const { sink, mail, failures } = await start(t, { user: 'ann', password: 'right' });
    sink.refuse(stage);
    assert.equal(await mail.sendCode(message), 'refused');
    const { enhancedCode, ...codes } = failures[0] ?? {};
    assert.deepEqual(codes, expected);
    assert.match(enhancedCode ?? '', /^[45]\.\d\.\d+$/);
    sink.refuse('none');
    await caught(sink, mail, message);
  });
}

test('nobody at the address of the server: refused', async (t) => {
  const { sink, mail, failures } = await start(t);
  await sink.stop();
  assert.equal(await mail.sendCode(message), 'refused');
  assert.equal(failures[0]?.systemCode, 'ECONNREFUSED');
});

for (const stage of ['connect', 'data'] as const) {
  test(`a server that stops responding at ${stage}: refused in time, while another mail passes; the silent connection is closed`, async (t) => {
    const timeoutMs = 4000;
    const { sink, mail, failures } = await start(t, {}, { timeoutMs });
    sink.hang(stage);
    const order: string[] = [];
    const waiting = mail.sendCode(message).finally(() => order.push('the silent one'));
    await eventually('the mail hangs', () => sink.hungCount() === 1);
    sink.hang(false);
    await caught(sink, mail, { ...message, code: '111111' });
    order.push('the other');
    assert.equal(await waiting, 'refused');
    assert.deepEqual(order, ['the other', 'the silent one']);
    assert.deepEqual(failures, [{ cause: 'timeout' }]);
    await eventually('the connections are counted', () => sink.openConnections() === 1);
  });
}

test('a server that sends endlessly without a reply: refused in time', async (t) => {
  const server = createServer((socket) => {
    const drip = setInterval(() => socket.write('220-wait\r\n'), 20);
    socket.on('error', () => undefined).on('close', () => clearInterval(drip));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const { mail, failures } = await start(t, {}, { url: `smtp://127.0.0.1:${port}`, timeoutMs: 400 });
  assert.equal(await mail.sendCode(message), 'refused');
  assert.deepEqual(failures, [{ cause: 'timeout' }]);
  server.close();
  await once(server, 'close');
});

test('a mail that waits for a free connection waits no longer than its own time', async (t) => {
  const { sink, mail, failures } = await start(t, {}, { connections: 1, timeoutMs: 1500 });
  sink.hang(true);
  const waiting = Promise.all([mail.sendCode(message), mail.sendCode(message), mail.sendCode(message)]);
  await eventually('the mail hangs', () => sink.hungCount() === 1);
  assert.equal(sink.connectionCount(), 1);
  // Timers of one process end in their order, however busy the machine is.
  const timer = new AbortController();
  const twice = sleep(3000, 'twice the time', { signal: timer.signal });
  assert.deepEqual(await Promise.race([waiting, twice]), ['refused', 'refused', 'refused']);
  timer.abort();
  assert.deepEqual(failures, Array(3).fill({ cause: 'timeout' }));
  sink.hang(false);
  await caught(sink, mail, message);
});

test('a server that accepts the mail and is cut off before its 250: refused, sent once, a repeat has the same Message-ID', async (t) => {
  const { sink, mail, failures } = await start(t);
  sink.dropAfterAccept(true);
  assert.equal(await mail.sendCode(message), 'refused');
  assert.equal(failures.length, 1);
  assert.equal(sink.mails().length, 1);
  sink.dropAfterAccept(false);
  assert.equal(await mail.sendCode(message), 'accepted');
  const [first, second] = sink.mails() as [CaughtMail, CaughtMail];
  assert.deepEqual(header(first, 'message-id'), header(second, 'message-id'));
  assert.equal(sink.mails().length, 2);
});

test('many mails share few connections', async (t) => {
  const { sink, mail } = await start(t, {}, { connections: 3 });
  const codes = Array.from({ length: 40 }, (_, index) => String(100_000 + index));
  const outcomes = await Promise.all(codes.map((code) => mail.sendCode({ ...message, code })));
  assert.deepEqual(outcomes, Array(40).fill('accepted'));
  assert.ok(sink.connectionCount() <= 3, `${sink.connectionCount()} connections`);
  for (const code of codes) assert.equal(sink.mails().filter(({ text }) => text.includes(code)).length, 1);
});

test('connections that the server closed meanwhile cost no mail', async (t) => {
  const { sink, mail } = await start(t);
  await Promise.all([accepted(mail), accepted(mail)]);
  sink.dropConnections();
  await Promise.all([accepted(mail), accepted(mail)]);
  assert.equal(sink.mails().length, 4);
});

async function accepted(mail: Mail): Promise<void> {
  assert.equal(await mail.sendCode(message), 'accepted');
}

test('closing lets a mail in flight arrive, refuses later ones and leaves no connection', async (t) => {
  const { sink, mail, failures } = await start(t);
  const sending = mail.sendCode(message);
  await mail.close();
  assert.equal(await sending, 'accepted');
  assert.equal(await mail.sendCode(message), 'refused');
  assert.deepEqual(failures, [{ cause: 'closed' }]);
  await eventually('the connections are counted', () => sink.openConnections() === 0);
});

for (const [what, wrong] of [
  ['a web address', { url: 'https://user:wrong@127.0.0.1' }],
  ['no host', { url: 'smtp://' }],
  ['a port that is none', { url: 'smtp://user:wrong@127.0.0.1:99999' }],
  ['a broken percent sign', { url: 'smtp://user:wrong%@127.0.0.1' }],
  ['no sender', { from: 'secret' }],
] as const) {
  test(`malformed settings are reported at once, without their values: ${what}`, () => {
    const right = { url: 'smtp://127.0.0.1', from: 'no-reply@example.org', productName: 'Example' };
    const open = () => openMail({ ...right, requireTls: true, connections: 1, timeoutMs: 1000, ...wrong });
    assert.throws(open, (error: Error) => !/wrong|secret/.test(String(error) + JSON.stringify(error)));
  });
}
