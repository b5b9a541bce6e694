import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type CaughtMail, type SmtpOptions, type SmtpSink, startSmtp } from '../../dev/servers/smtp.ts';
import type { MailFailure } from '../../src/services/mail/failure.ts';
import { type CodeMessage, type Mail, type MailSettings, openMail } from '../../src/services/mail/mailer.ts';

export const message: CodeMessage = {
  to: 'ann.secret@mailbox.example.net',
  code: '042137',
  messageId: 'verification-1',
  validMinutes: 10,
};

/** A sink and a mailer for it, both closed after the test; what the mailer logs must never hold address or code. */
export async function start(t: TestContext, smtp: SmtpOptions = {}, settings: Partial<MailSettings> = {}) {
  const sink = await startSmtp(smtp);
  const failures: MailFailure[] = [];
  const log = {
    warn(failure: MailFailure, text: string) {
      assert.doesNotMatch(JSON.stringify([failure, text]), /secret|mailbox|042137|127\.0\.0\.1|wrong/);
      failures.push(failure);
    },
  };
  const mail = openMail(
    {
      url: sink.url,
      from: 'Example <no-reply@example.org>',
      productName: 'Example',
      requireTls: (smtp.tls ?? 'none') !== 'none',
      connections: 2,
      timeoutMs: 10_000,
      ...(sink.ca && { ca: sink.ca }),
      ...settings,
    },
    log,
  );
  t.after(async () => {
    await mail.close();
    await sink.stop();
  });
  return { sink, mail, failures };
}

/** Send, and have the mail as the server took it. */
export async function caught(sink: SmtpSink, mail: Mail, sent: CodeMessage): Promise<CaughtMail> {
  const before = sink.mails().length;
  assert.equal(await mail.sendCode(sent), 'accepted');
  assert.equal(sink.mails().length, before + 1);
  return sink.mails().at(-1) as CaughtMail;
}

/** The values of a header field. */
export const header = (mail: CaughtMail, name: string) =>
  mail.headers.filter((field) => field.name === name).map((field) => field.value);
