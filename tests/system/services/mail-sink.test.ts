import assert from 'node:assert/strict';
import { get } from 'node:http';
import test from 'node:test';
import nodemailer from 'nodemailer';
import { type CaughtMail, startSmtp } from '../../../dev/servers/smtp.ts';

async function startWithPage(t: test.TestContext) {
  const sink = await startSmtp({ page: true });
  t.after(() => sink.stop());
  return { ...sink, pageUrl: String(sink.pageUrl) };
}

const evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>';

test('the page shows a mail as text, whatever its content', async (t) => {
  const sink = await startWithPage(t);
  const client = nodemailer.createTransport(sink.url);
  await client.sendMail({
    from: 'a@example.org',
    to: 'b@example.net',
    subject: evil,
    text: evil,
    html: evil,
  });
  client.close();
  const response = await fetch(sink.pageUrl);
  const html = await response.text();
  assert.match(html, /b@example\.net/);
  assert.match(html, /&#60;script&#62;alert\(1\)/);
  assert.doesNotMatch(html, /<script|<img/i);
  assert.match(html, /<iframe sandbox title="HTML part" srcdoc="[^"<>]*"><\/iframe>/);
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
});

test('programs read the mails as JSON', async (t) => {
  const sink = await startWithPage(t);
  const client = nodemailer.createTransport(sink.url);
  await client.sendMail({ from: 'a@example.org', to: 'b@example.net', subject: 'Hello', text: 'привіт' });
  client.close();
  const mails = (await (await fetch(`${sink.pageUrl}mails.json`)).json()) as CaughtMail[];
  assert.deepEqual(mails, sink.mails());
  assert.deepEqual(
    [mails[0]?.to, mails[0]?.subject, mails[0]?.text.trim()],
    [['b@example.net'], 'Hello', 'привіт'],
  );
});

test('the page answers to loopback names only', async (t) => {
  const sink = await startWithPage(t);
  const status = await new Promise((resolve) => {
    get(sink.pageUrl, { headers: { Host: 'attacker.example.net' } }, (response) =>
      resolve(response.resume().statusCode),
    );
  });
  assert.equal(status, 403);
});

test('a mail that is waited for is found before and after it arrives, and not for ever', async (t) => {
  const sink = await startWithPage(t);
  const client = nodemailer.createTransport(sink.url);
  const waiting = sink.waitForMail(({ subject }) => subject === 'second', 5000);
  for (const subject of ['first', 'second']) {
    await client.sendMail({ from: 'a@example.org', to: 'b@example.net', subject, text: subject });
  }
  client.close();
  assert.equal((await waiting).subject, 'second');
  assert.equal((await sink.waitForMail(({ subject }) => subject === 'first', 5000)).subject, 'first');
  await assert.rejects(sink.waitForMail(() => false, 50));
});
