import type { Settings } from '../config/settings.ts';
import type { MailFailure } from '../services/mail/failure.ts';
import { probeMail } from '../services/mail/probe.ts';
import { openSts } from '../services/sts/client.ts';
import { callerIdentity } from '../services/sts/probe.ts';
import type { Finding } from './doctor-finding.ts';

const patienceMs = 5_000;

/** Checks the mail server: connection, TLS, login, and that it takes our sender. No mail is sent. */
export async function checkMail({ mail }: Settings): Promise<Finding[]> {
  const check = 'mail';
  if (mail === undefined)
    return [{ check, state: 'skipped', saw: 'SMTP_URL is not set: link answers email_send' }];
  const { failure, isLoggedIn } = await probeMail(mail, patienceMs);
  if (failure !== undefined) return [{ check, state: 'failed', ...wordsOf(failure, isLoggedIn) }];
  const saw = isLoggedIn
    ? 'the server logs us in and takes our sender'
    : 'the server takes our sender without a login';
  return [{ check, state: 'ok', saw }];
}

function wordsOf(failure: MailFailure, isLoggedIn: boolean): { saw: string; advice: string } {
  const { cause, command, responseCode, enhancedCode, systemCode, tls } = failure;
  const code = [cause, systemCode, responseCode].filter((part) => part !== undefined).join(' ');
  if (tls !== undefined) return { saw: tls, advice: mailAdvice.ETLS };
  if (/^E(CONN|HOST|NET|NOTFOUND|AI_)/.test(systemCode ?? ''))
    return { saw: code, advice: mailAdvice.ECONNECTION };
  if (responseCode !== undefined && responseCode < 500)
    return { saw: `the server takes no mail at the moment (${responseCode})`, advice: mailAdvice.temporary };
  const isSecurity = responseCode === 530 || enhancedCode?.startsWith('5.7.') === true;
  if (command === 'MAIL' && isSecurity && !isLoggedIn)
    return { saw: `the server takes no mail without a login (${responseCode})`, advice: mailAdvice.login };
  if (command === 'MAIL')
    return { saw: `the server does not take our sender (${responseCode})`, advice: mailAdvice.sender };
  return { saw: code, advice: mailAdvice[cause as keyof typeof mailAdvice] ?? mailAdvice.ECONNECTION };
}

const mailAdvice = {
  ECONNECTION: 'is SMTP_URL the address of a mail server that can be reached from here?',
  ETIMEDOUT: 'the server or a firewall does not answer at that port: see SMTP_URL',
  EAUTH: 'user and password in SMTP_URL are not taken',
  ETLS: 'the server offers no STARTTLS, or a certificate that is not trusted, or asks for ours: SMTP_CA, SMTP_CERT, SMTP_KEY, SMTP_REQUIRE_TLS',
  ESOCKET:
    'smtp:// is for STARTTLS or none, smtps:// for TLS from the start; SMTP_CA names who signed the certificate',
  temporary: 'the server refuses for a while: try again; if it lasts, see its log and its limits',
  login: 'put user and password into SMTP_URL: smtp://user:password@host, percent-encoded',
  sender: 'MAIL_FROM must be an address that this user may send from',
} as const;

/** Checks STS: whose credentials the worker has, and whether they may assume the role; what it gives is dropped. */
export async function checkSts({ aws }: Settings): Promise<Finding[]> {
  if (aws === undefined)
    return [{ check: 'sts', state: 'skipped', saw: 'AWS_ROLE_ARN is not set: aws answers the error aws' }];
  const identity = await callerIdentity(aws, patienceMs);
  if ('cause' in identity)
    return [
      {
        check: 'sts',
        state: 'failed',
        saw: `does not know us: ${identity.cause}`,
        advice: adviceOn(identity.cause),
      },
      { check: 'sts role', state: 'skipped', saw: 'for the same reason' },
    ];
  const known: Finding = { check: 'sts', state: 'ok', saw: `knows us as ${identity.arn}` };
  let failure: Record<string, unknown> = {};
  const sts = openSts(aws, {
    warn: (cause: object) => {
      failure = { ...cause };
    },
  });
  try {
    const check = 'sts role';
    if ((await sts.assumeRole('00000')) !== 'refused')
      return [known, { check, state: 'ok', saw: 'gives credentials for AWS_ROLE_ARN' }];
    const saw = `gives no credentials: ${String(failure.cause ?? 'refused')}`;
    const advice =
      'the worker’s own credentials must be allowed to assume AWS_ROLE_ARN, and its trust policy must say so; a session policy, tags and the duration must be allowed too';
    return [known, { check, state: 'failed', saw, advice }];
  } finally {
    sts.close();
  }
}

function adviceOn(cause: string): string {
  if (/Credentials?Provider|CredentialsError|NoCredential/.test(cause))
    return 'the worker has no credentials of its own: AWS_ACCESS_KEY_ID, the pod’s role, or the SDK’s other sources';
  if (/^E[A-Z]+$|Timeout|no answer/.test(cause))
    return 'STS cannot be reached from here: see AWS_REGION, AWS_ENDPOINT_URL_STS, the network policy, and HTTPS_PROXY';
  return 'the worker’s own credentials are not valid: see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the pod’s role, and the clock';
}
