import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { SMTPPoolSentMessageInfo, Transporter } from 'nodemailer';
import { ConnectionLimit } from './connection-limit.ts';
import { asciiDomainForm, parseEmailAddress, parseSender } from './email-address.ts';
import { isForConnections, type MailFailure, mailFailure } from './failure.ts';
import { codeMailHtml, codeMailText, codeMailWords } from './templates.ts';

export interface MailSettings {
  /** `smtp://` (STARTTLS, port 587) or `smtps://` (implicit TLS, port 465), with `user:password@` for a login. */
  readonly url: string;
  /** The sender: `no-reply@example.org` or `Example <no-reply@example.org>`. */
  readonly from: string;
  /** The name of the product in the mail. */
  readonly productName: string;
  /** One subject for all languages, with `{productName}` as the placeholder; default the template's subject. */
  readonly subject?: string;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: Buffer;
  /** PEM: the client certificate, for servers that require one. */
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  /** Refuse a server without STARTTLS. Turn it off only for a mail server on the same machine. */
  readonly requireTls: boolean;
  /**
   * Maximum number of connections; fewer where the server takes fewer. Other mails wait for a free one, within their own time.
   */
  readonly connections: number;
  /** Maximum time of one mail in milliseconds, from the call to the last reply of the server. */
  readonly timeoutMs: number;
}

export interface CodeMessage {
  /** The recipient's address; `sendCode` checks it again. */
  readonly to: string;
  readonly code: string;
  /** Language tag of the reader, e.g. `uk` or `en_GB`. */
  readonly language?: string;
  /** Unique for each code, the same in each mail with it. The `Message-ID` is its hash. */
  readonly messageId: string;
  readonly validMinutes: number;
}

// A `require` that has failed is tried again at the next call; a failed `import()` fails for the life of the process.
const require = createRequire(import.meta.url);

/** A connection that is silent for so long counts as dead. */
const silentMs = 10_000;

type Sender = NonNullable<ReturnType<typeof parseSender>>;
type Pool = Transporter<SMTPPoolSentMessageInfo>;

export interface Mail {
  /**
   * Mail a confirmation code.
   * @returns `accepted` when the server has accepted the whole mail (250 to DATA), otherwise `refused`. If the 250 is
   * lost, it returns `refused` although the mail may arrive. Never throws.
   */
  sendCode(message: CodeMessage): Promise<'accepted' | 'refused'>;
  /**
   * Load the mail library, so that a later mail needs no file of the program.
   * @throws Error when a file cannot be read; the next mail tries again.
   */
  load(): void;
  /** Wait for the mails being sent, each within its time, and close the connections. Later mails are `refused`. */
  close(): Promise<void>;
}

/** The part of a logger that is used; pino's loggers fit. */
export interface MailLog {
  warn(fields: MailFailure | { readonly connections: number }, message: string): void;
}

/**
 * Open a mailer with a pool of SMTP connections. The first mail opens the first connection.
 * @param log - receives the cause of every refusal, without address, code or text of the server.
 * @throws Error, without the values, when `url` or `from` is malformed, or the mail library is not installed.
 */
export function openMail(settings: MailSettings, log?: MailLog): Mail {
  const sender = parseSender(settings.from);
  if (sender === undefined) throw new Error('the sender of mails is not an e-mail address');
  const options = poolOptions(settings);
  // Node.js remembers for ever that a package was missing, so it is looked up at the start.
  require.resolve('nodemailer');

  const sendings = new Set<Promise<unknown>>();
  const limit = new ConnectionLimit(settings.connections, (connections) => {
    log?.warn({ connections }, 'the mail server takes no more connections (SMTP_CONNECTIONS): mails wait');
  });
  let pool: Pool | undefined;
  let closed = false;
  const open = (): Pool => {
    const { createTransport } = require('nodemailer') as typeof import('nodemailer');
    pool ??= createTransport(options);
    return pool;
  };

  /** @returns `undefined` when the server has accepted the mail. */
  const send = async (message: CodeMessage): Promise<MailFailure | undefined> => {
    const to = parseEmailAddress(message.to);
    if (to === undefined) return { cause: 'invalid_address' };
    if (closed) return { cause: 'closed' };
    const deadline = AbortSignal.timeout(settings.timeoutMs);
    const mail = {
      ...fromTo(sender, to),
      ...codeMail(settings, sender.address, message),
      signal: deadline,
    };
    let failure: MailFailure | undefined;
    const attempt = async () => {
      failure = await failureOf(open, mail);
      return failure !== undefined && isForConnections(failure) && !closed ? 'too_many' : failure;
    };
    const sent = await limit.run(attempt, deadline);
    if (sent === 'late') return failure ?? { cause: 'timeout' };
    return sent !== undefined && deadline.aborted ? { cause: 'timeout' } : sent;
  };

  return {
    async sendCode(message) {
      const sending = send(message);
      sendings.add(sending);
      const failure = await sending.finally(() => sendings.delete(sending));
      if (failure === undefined) return 'accepted';
      log?.warn(failure, 'mail refused');
      return 'refused';
    },
    load: () => void open(),
    async close() {
      closed = true;
      await Promise.all(sendings);
      pool?.close();
    },
  };
}

/** @returns `undefined` when the server has accepted the mail. Never throws. */
async function failureOf(open: () => Pool, mail: Parameters<Pool['sendMail']>[0]) {
  try {
    const { response } = await open().sendMail(mail);
    return response.startsWith('250') ? undefined : mailFailure({ response });
  } catch (error) {
    return mailFailure(error);
  }
}

/** Options of the library's connection pool. */
function poolOptions(settings: MailSettings) {
  return {
    ...connectionOptions(settings),
    pool: true,
    maxConnections: settings.connections,
    // One retry, for a pooled connection that the server has closed. The library retries only before it sends data.
    maxRequeues: 1,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as const;
}

/** Options of one connection. @throws Error, without the value, when `url` is malformed. */
export function connectionOptions({
  url: text,
  requireTls,
  ca,
  cert,
  key,
  timeoutMs,
}: Omit<MailSettings, 'connections'>) {
  if (!/^smtps?:\/\/[^/]/.test(text) || !URL.canParse(text))
    throw new Error('the SMTP URL is not smtp:// or smtps://');
  // Parsed here, because the library would obey options in the URL's query, also those that turn TLS off.
  const { protocol, hostname, port, username, password } = new URL(text);
  const silence = Math.min(silentMs, timeoutMs);
  const auth = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port && { port: Number(port) }),
    secure: protocol === 'smtps:',
    requireTLS: requireTls,
    tls: { minVersion: 'TLSv1.2', ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    ...(username && { auth }),
    connectionTimeout: silence,
    greetingTimeout: silence,
    socketTimeout: silence,
    dnsTimeout: silence,
    socketCloseTimeout: 500,
  } as const;
}

/** Sender and recipient for the headers and the envelope. They are objects, because the library parses strings as lists. */
function fromTo(sender: Sender, address: string) {
  const to = { name: '', address };
  return { from: sender, to, envelope: { from: { name: '', address: sender.address }, to: [to] } };
}

/** The mail's subject, bodies and other headers. */
function codeMail(settings: MailSettings, senderAddress: string, message: CodeMessage) {
  const { productName, subject } = settings;
  const words = codeMailWords(message.language ?? 'en', productName, message.validMinutes);
  // Hashed, so that the id of the caller neither shows in a header nor breaks out of it.
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
