import { createHash } from 'node:crypto';
import type { SMTPPoolSentMessageInfo, Transporter } from 'nodemailer';
import { asciiDomainForm, parseEmailAddress, parseSender } from './email-address.ts';
import { type MailFailure, mailFailure } from './failure.ts';
import { codeMailHtml, codeMailText, codeMailWords } from './templates.ts';

export interface MailSettings {
  /** `smtp://` (STARTTLS, port 587) or `smtps://` (TLS from the start, port 465), with `user:password@` if the server asks for it. */
  readonly url: string;
  /** The sender: `no-reply@example.org` or `Example <no-reply@example.org>`. */
  readonly from: string;
  /** Stands for the product in the mail. */
  readonly productName: string;
  /** One subject for all languages, with `{productName}` where the name goes; the template's own if absent. */
  readonly subject?: string;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: Buffer;
  /** PEM, where the server asks who we are. */
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  /** Refuse a server that offers no STARTTLS. Off only for a mail server on the same machine. */
  readonly requireTls: boolean;
  /** Open connections at most; more mails than that wait for a free one, within their own time. */
  readonly connections: number;
  /** Longest time for one mail in milliseconds, from the call to the server's last word. */
  readonly timeoutMs: number;
}

export interface CodeMessage {
  /** Where to; checked again here. */
  readonly to: string;
  readonly code: string;
  /** Language tag that the reader likes, e.g. `uk` or `en_GB`. */
  readonly language?: string;
  /** The same for every mail with this code, another for any other; only its hash is sent, as the `Message-ID`. */
  readonly messageId: string;
  readonly validMinutes: number;
}

type Sender = NonNullable<ReturnType<typeof parseSender>>;
type Pool = Transporter<SMTPPoolSentMessageInfo>;

export interface Mail {
  /**
   * Mail a confirmation code.
   * @returns `accepted` once the server has taken the whole mail (250 to DATA), `refused` in every other case;
   * a mail whose 250 was lost on the way is `refused` too, though it may arrive. Never throws.
   */
  sendCode(message: CodeMessage): Promise<'accepted' | 'refused'>;
  /** Let the mails under way come to their end, each within its time, and close the connections; later mails are `refused`. */
  close(): Promise<void>;
}

/** Where a refused mail is told of. pino's loggers fit. */
export interface MailLog {
  warn(failure: MailFailure, message: string): void;
}

/**
 * Mail over SMTP by a pool of connections, the first of them opened with the first mail.
 * @param log - hears the cause of every refusal, without address, code or the server's text.
 * @throws Error, without the values, when `url` or `from` is malformed.
 */
export function openMail(settings: MailSettings, log?: MailLog): Mail {
  const sender = parseSender(settings.from);
  if (sender === undefined) throw new Error('the sender of mails is not an e-mail address');
  const options = poolOptions(settings);

  const underWay = new Set<Promise<unknown>>();
  let pool: Promise<Pool> | undefined;
  let closed = false;

  /** `undefined` when the server has taken the mail. */
  const send = async (message: CodeMessage): Promise<MailFailure | undefined> => {
    const to = parseEmailAddress(message.to);
    if (to === undefined) return { cause: 'invalid_address' };
    if (closed) return { cause: 'closed' };
    const deadline = AbortSignal.timeout(settings.timeoutMs);
    try {
      // Loaded with the first mail, so that it costs a worker's start nothing.
      pool ??= import('nodemailer').then((nodemailer) => nodemailer.createTransport(options));
      const mail = {
        ...fromTo(sender, to),
        ...codeMail(settings, sender.address, message),
        signal: deadline,
      };
      const { response } = await (await pool).sendMail(mail);
      return response.startsWith('250') ? undefined : mailFailure({ response });
    } catch (error) {
      return deadline.aborted ? { cause: 'timeout' } : mailFailure(error);
    }
  };

  return {
    async sendCode(message) {
      const sending = send(message);
      underWay.add(sending);
      const failure = await sending;
      underWay.delete(sending);
      if (failure === undefined) return 'accepted';
      log?.warn(failure, 'mail refused');
      return 'refused';
    },
    async close() {
      closed = true;
      await Promise.all(underWay);
      (await pool)?.close();
    },
  };
}

/** Options of the library's connection pool. */
function poolOptions({ url: text, requireTls, ca, cert, key, connections, timeoutMs }: MailSettings) {
  if (!/^smtps?:\/\/[^/]/.test(text) || !URL.canParse(text))
    throw new Error('the SMTP URL is not smtp:// or smtps://');
  // Taken apart here: the library would also obey options in the URL's query, among them those that turn TLS off.
  const { protocol, hostname, port, username, password } = new URL(text);
  const auth = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return {
    pool: true,
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port && { port: Number(port) }),
    secure: protocol === 'smtps:',
    requireTLS: requireTls,
    tls: { minVersion: 'TLSv1.2', ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    ...(username && { auth }),
    maxConnections: connections,
    // One more try is for a kept connection that the server has closed meanwhile; it happens only before any data was sent.
    maxRequeues: 1,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    socketCloseTimeout: 500,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as const;
}

/** Sender and recipient, in the headers and on the envelope; as objects, since the library would read strings as lists. */
function fromTo(sender: Sender, address: string) {
  const to = { name: '', address };
  return { from: sender, to, envelope: { from: { name: '', address: sender.address }, to: [to] } };
}

/** The mail's subject, bodies and other headers. */
function codeMail(settings: MailSettings, senderAddress: string, message: CodeMessage) {
  const { productName, subject } = settings;
  const words = codeMailWords(message.language ?? 'en', productName, message.validMinutes);
  // Hashed, so that whatever the caller's id is made of can neither be read from a header nor break out of it.
  const id = createHash('sha256').update(message.messageId).digest('hex').slice(0, 32);
  const domain = asciiDomainForm(senderAddress).split('@').pop();
  return {
    subject: subject?.replaceAll('{productName}', () => productName) ?? words.subject,
    text: codeMailText(words, message.code),
    html: codeMailHtml(words, message.code),
    messageId: `<${id}@${domain}>`,
    headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': words.language },
    xMailer: false,
  } as const;
}
