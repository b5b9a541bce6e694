import type { MailSettings } from './mailer.ts';

/**
 * Connect to the mail server and log in; no mail is sent.
 * @returns undefined if the server lets us in, otherwise nodemailer's code of what is wrong, or `no answer`. Never the server's
 * own words, which may quote a user name.
 */
export async function probeMail(
  { url, requireTls, ca }: Pick<MailSettings, 'url' | 'requireTls' | 'ca'>,
  timeoutMs: number,
): Promise<string | undefined> {
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    url,
    requireTLS: requireTls,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    ...(ca && { tls: { ca } }),
  });
  try {
    await transport.verify();
    return undefined;
  } catch (error) {
    const { code = 'no answer', syscall } = error as { code?: string; syscall?: string };
    return syscall === 'connect' ? 'ECONNECTION' : code;
  } finally {
    transport.close();
  }
}
