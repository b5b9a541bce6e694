import { EventEmitter, once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { type Certificate, selfSignedCertificate } from './certificate.ts';
import { mailPage } from './smtp-page.ts';

export interface SmtpOptions {
  /** A free one if absent. */
  port?: number;
  /** With a user, the server accepts nothing without a login. */
  user?: string;
  password?: string;
  /** Default `none`; `starttls` offers it and accepts no mail without it. The other two need the `openssl` program. */
  tls?: 'none' | 'starttls' | 'implicit';
  /** Names in the certificate, default `localhost` and the loopback addresses. */
  certificateNames?: string[];
  /** Replaces the certificate that the server signs itself. */
  certificate?: Certificate;
  /** Accepts nothing from clients without a certificate of this authority. */
  clientCa?: Buffer;
  /** Serves the page that lists the mails. */
  page?: boolean;
  pagePort?: number;
}

/** A mail as the server received it. */
export interface CaughtMail {
  /** Address in MAIL FROM. */
  from: string;
  /** Addresses in RCPT TO, domains in readable form. */
  to: string[];
  subject: string;
  text: string;
  html: string;
  /** Header fields in their order, names in lower case, each with its raw, unfolded value. */
  headers: { name: string; value: string }[];
  /** The mail byte for byte, read as UTF-8. */
  raw: string;
  /** ISO 8601. */
  receivedAt: string;
  secure: boolean;
  /** The user who was logged in. */
  user: string | null;
}

/** Where the server refuses; `temporary` is a greylisting 450 to RCPT TO, `accept` refuses nothing. */
type SmtpRefusal = 'none' | 'auth' | 'mail' | 'rcpt' | 'temporary' | 'data';
/**
 * Where the server stops responding: before its greeting, at RCPT TO, after a mail's last line, or (`true`) at the first and the
 * last of these; `accepted` keeps the mail and never says so.
 */
type SmtpHang = boolean | 'connect' | 'rcpt' | 'data' | 'accepted';

/** A mail server on 127.0.0.1 that keeps received mails and can misbehave on demand. */
export interface SmtpSink {
  readonly url: string;
  readonly port: number;
  readonly pageUrl: string | undefined;
  /** The server's own certificate, which clients must trust; `undefined` without TLS. */
  readonly ca: Buffer | undefined;
  /** Oldest first; the server keeps the newest 1000. */
  mails(): readonly CaughtMail[];
  /** Calls back with each mail that comes from now on. */
  onMail(listener: (mail: CaughtMail) => void): void;
  /** Forgets the mails that it has. */
  forget(): void;
  /** Resolves with the first mail that fits, caught already or later. @throws Error after `timeoutMs`. */
  waitForMail(fits: (mail: CaughtMail) => boolean, timeoutMs: number): Promise<CaughtMail>;
  refuse(where: SmtpRefusal): void;
  /** `false` answers again, but not to clients that were left waiting before. */
  hang(where: SmtpHang): void;
  /** Delays the acceptance after a mail's last line, in milliseconds. */
  delay(milliseconds: number): void;
  /** Takes so many connections at once; greets the others with 421. */
  allow(connections: number): void;
  /** How many connections were greeted with 421. */
  refusedConnections(): number;
  /** How many clients were left waiting since the start. */
  hungCount(): number;
  /** Keeps the next mails, but cuts the connection instead of answering 250. */
  dropAfterAccept(on: boolean): void;
  /** Closes the connections of all clients; they may connect again. */
  dropConnections(): void;
  /** TCP connections accepted since the start. */
  connectionCount(): number;
  /** TCP connections open now. */
  openConnections(): number;
  /** All bytes that clients have sent, commands and mails; empty with TLS. */
  received(): string;
  /** Closes everything at once. */
  stop(): Promise<void>;
}

const keptMails = 1000;

/** Starts a mail sink; it listens on 127.0.0.1 only. */
export async function startSmtp(options: SmtpOptions = {}): Promise<SmtpSink> {
  const { tls = 'none', user, password = '' } = options;
  const { certificate = tls === 'none' ? undefined : await selfSignedCertificate(options.certificateNames) } =
    options;
  const mails: CaughtMail[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  let refusal: SmtpRefusal = 'none';
  let silence: SmtpHang = false;
  let dropping = false;
  let delayMs = 0;
  let hung = 0;
  let allowed = Number.POSITIVE_INFINITY;
  let refused = 0;
  let stopping: Promise<unknown> | undefined;

  const refusedAt = (where: SmtpRefusal, code: number, text: string): Error | null =>
    refusal === where ? Object.assign(new Error(text), { responseCode: code }) : null;
  const fallsSilent = (where: SmtpHang): boolean => {
    const silent = silence === where || (silence === true && (where === 'connect' || where === 'data'));
    if (silent) hung += 1;
    return silent;
  };
  const keep = (mail: CaughtMail): void => {
    mails.push(mail);
    if (mails.length > keptMails) mails.shift();
    arrivals.emit('mail', mail);
  };

  const server = new SMTPServer({
    ...certificate,
    ...(options.clientCa && { ca: options.clientCa, requestCert: true, rejectUnauthorized: true }),
    logger: false,
    banner: 'mail sink',
    secure: tls === 'implicit',
    disabledCommands: [...(tls === 'none' ? ['STARTTLS'] : []), ...(user === undefined ? ['AUTH'] : [])],
    authOptional: user === undefined,
    allowInsecureAuth: tls === 'none',
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    size: 1024 * 1024,
    onConnect(_session, callback) {
      if (sockets.open.size > allowed) {
        refused += 1;
        callback(Object.assign(new Error('too many connections'), { responseCode: 421 }));
        return;
      }
      if (!fallsSilent('connect')) callback();
    },
    onAuth(auth, _session, callback) {
      const right = auth.username === user && auth.password === password && refusal !== 'auth';
      callback(null, right ? { user } : { message: `no such user ${auth.username}`, responseCode: 535 });
    },
    onMailFrom(address, session, callback) {
      if (tls === 'starttls' && !session.secure) {
        callback(Object.assign(new Error('STARTTLS first'), { responseCode: 530 }));
      } else callback(refusedAt('mail', 550, `not from ${address.address}`));
    },
    // Many real servers quote the address in their refusals, so this one does too.
    onRcptTo({ address }, _session, callback) {
      if (fallsSilent('rcpt')) return;
      callback(
        refusedAt('rcpt', 550, `<${address}>: no such mailbox`) ??
          refusedAt('temporary', 450, `<${address}>: try again later`),
      );
    },
    async onData(stream, session, callback) {
      const raw = await readAll(stream).catch(() => undefined);
      if (raw === undefined) return; // The client disconnected.
      const error = refusedAt('data', 554, `not for ${session.envelope.rcptTo[0]?.address}`);
      if (error) return callback(error);
      if (fallsSilent('data')) return;
      if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
      keep(await caughtMail(raw, session));
      if (fallsSilent('accepted')) return;
      if (dropping) sockets.cut(session.remotePort);
      else callback(null, 'taken');
    },
  });
  // Clients may break off a TLS handshake or a connection; this is expected.
  server.on('error', () => undefined);

  const sockets = trackSockets(server.server);
  let received = '';
  if (tls === 'none')
    server.server.on('connection', (socket) => socket.on('data', (data) => (received += data)));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;

  const pageServer = options.page ? mailPage(() => mails) : undefined;
  if (pageServer) await once(pageServer.listen(options.pagePort ?? 0, '127.0.0.1'), 'listening');
  const login = user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;

  return {
    url: `${tls === 'implicit' ? 'smtps' : 'smtp'}://${login}127.0.0.1:${port}`,
    port,
    pageUrl: pageServer && `http://127.0.0.1:${(pageServer.address() as AddressInfo).port}/`,
    ca: certificate?.cert,
    mails: () => mails,
    onMail(listener) {
      arrivals.on('mail', listener);
    },
    forget() {
      mails.length = 0;
    },
    waitForMail: (fits, timeoutMs) => waitForMail(mails, arrivals, fits, timeoutMs),
    refuse(where) {
      refusal = where;
    },
    hang(where) {
      silence = where;
    },
    delay(milliseconds) {
      delayMs = milliseconds;
    },
    allow(connections) {
      allowed = connections;
    },
    refusedConnections: () => refused,
    hungCount: () => hung,
    dropAfterAccept(on) {
      dropping = on;
    },
    dropConnections: () => sockets.cut(),
    connectionCount: sockets.count,
    received: () => received,
    openConnections: () => sockets.open.size,
    async stop() {
      stopping ??= Promise.all([
        once(server.server, 'close'),
        pageServer && once(pageServer, 'close'),
        server.close(),
        pageServer?.close(),
        pageServer?.closeAllConnections(),
        sockets.cut(),
      ]);
      await stopping;
    },
  };
}

async function readAll(stream: SMTPServerDataStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function caughtMail(raw: string, session: SMTPServerSession): Promise<CaughtMail> {
  const { mailFrom, rcptTo } = session.envelope;
  const parsed = await simpleParser(raw, {
    skipTextToHtml: true,
    skipHtmlToText: true,
    skipImageLinks: true,
  });
  return {
    from: mailFrom ? mailFrom.address : '',
    to: rcptTo.map(({ address }) => address),
    subject: parsed.subject ?? '',
    text: parsed.text ?? '',
    html: parsed.html || '',
    headers: parsed.headerLines.map(({ key, line }) => ({ name: key, value: headerValue(line) })),
    raw,
    receivedAt: new Date().toISOString(),
    secure: session.secure,
    user: (session.user as string | undefined) ?? null,
  };
}

/**
 * Decodes a header as UTF-8 (RFC 6532). The parser returns its bytes one a character, since their charset may be
 * anything.
 */
function headerValue(line: string): string {
  const value = line.slice(line.indexOf(':') + 1).replace(/\r?\n/g, '');
  return Buffer.from(value, 'latin1').toString('utf8').trim();
}

function trackSockets(server: Server) {
  const open = new Set<Socket>();
  let count = 0;
  server.on('connection', (socket) => {
    count += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return {
    open,
    count: () => count,
    /** Destroys the connection from this port, or all. */
    cut(remotePort?: number) {
      for (const socket of open)
        if ((remotePort ?? socket.remotePort) === socket.remotePort) socket.destroy();
    },
  };
}

async function waitForMail(
  mails: readonly CaughtMail[],
  arrivals: EventEmitter,
  fits: (mail: CaughtMail) => boolean,
  timeoutMs: number,
): Promise<CaughtMail> {
  const deadline = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const mail = mails.find(fits);
    if (mail) return mail;
    await once(arrivals, 'mail', { signal: deadline });
  }
}
