import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { asciiDomainForm, parseSender } from './email-address.ts';
import { type MailFailure, mailFailure } from './failure.ts';
import { connectionOptions, type MailSettings } from './mailer.ts';

/** What a mail needs of the server: a connection, TLS, a login, and that it takes our sender. */
export interface MailProbe {
  /** Why the server would take no mail; absent when it would. Without the server's own words, which may quote a user. */
  readonly failure?: MailFailure;
  /** Whether we logged in. */
  readonly isLoggedIn: boolean;
}

/**
 * Connect to the mail server as a mail would, log in, and begin a mail that is then taken back: MAIL FROM and RSET. A server
 * that wants a login refuses there. No mail is sent.
 */
export async function probeMail(settings: MailSettings, timeoutMs: number): Promise<MailProbe> {
  const { auth, ...options } = { auth: undefined, ...connectionOptions({ ...settings, timeoutMs }) };
  const connection = new SMTPConnection(options);
  const steps = stepsOf(connection);
  let isLoggedIn = false;
  try {
    await steps.connect();
    if (auth !== undefined) {
      await steps.login(auth);
      isLoggedIn = true;
    }
    const sender = asciiDomainForm(parseSender(settings.from)?.address ?? '');
    await steps.command(`MAIL FROM:<${sender}>`);
    await steps.command('RSET');
    connection.quit();
    return { isLoggedIn };
  } catch (error) {
    return { failure: mailFailure(error), isLoggedIn };
  } finally {
    connection.close();
  }
}

interface Login {
  readonly user: string;
  readonly pass: string;
}

/** What the library's types leave out: it sends single commands by these. It is pinned to one version, which a test tries. */
interface Commands {
  _sendCommand(line: string): void;
  readonly _responseActions: ((reply: string) => void)[];
}

/** The steps of a session as promises; each fails when the connection does. */
function stepsOf(connection: SMTPConnection) {
  const broken = new Promise<never>((_, reject) => {
    connection.once('error', reject);
    connection.once('end', () => reject(Object.assign(new Error('closed'), { code: 'ECONNECTION' })));
  });
  broken.catch(() => undefined); // also when it breaks between two steps
  const step = (start: (done: (error?: Error | null) => void) => void): Promise<void> =>
    Promise.race([
      broken,
      new Promise<void>((resolve, reject) => start((error) => (error ? reject(error) : resolve()))),
    ]);
  return {
    connect: () => step((done) => connection.connect((error) => done(error))),
    login: ({ user, pass }: Login) =>
      step((done) => connection.login({ user, credentials: { user, pass } }, (error) => done(error))),
    command: (line: string) =>
      step((done) => {
        const commands = connection as unknown as Commands;
        commands._responseActions.push((response) => {
          const command = line.split(/[ :]/, 1)[0];
          done(response.startsWith('2') ? null : Object.assign(new Error('refused'), { command, response }));
        });
        commands._sendCommand(line);
      }),
  };
}
