import type { Settings } from '../config/settings.ts';
import { probeMail } from '../services/mail/probe.ts';
import { openSts } from '../services/sts/client.ts';
import { openRedis } from '../store/redis/database.ts';
import type { Finding } from './doctor-finding.ts';

const patienceMs = 5_000;

/** Checks Redis: whether a command works, and whether it may evict data. */
export async function checkRedis({ redis: { url, keyPrefix } }: Settings): Promise<Finding> {
  const check = 'redis';
  const redis = openRedis(url, keyPrefix, () => undefined);
  try {
    const policy = await inTime(redis.connection.info('memory'));
    const eviction = /^maxmemory_policy:(\S+)/m.exec(policy)?.[1] ?? 'noeviction';
    if (eviction === 'noeviction') return { check, state: 'ok', saw: 'takes commands' };
    return {
      check,
      state: 'failed',
      saw: `maxmemory-policy is ${eviction}`,
      advice: 'with noeviction Redis refuses to write when it is full, instead of losing profiles',
    };
  } catch {
    return {
      check,
      state: 'failed',
      saw: redis.state.cause ?? 'no answer',
      advice:
        'is Redis running, is REDIS_URL its address as seen from here, and are user and password right?',
    };
  } finally {
    await redis.close();
  }
}

/** Checks the mail server up to the login, without a mail. */
export async function checkMail({ mail }: Settings): Promise<Finding> {
  const check = 'mail';
  if (mail === undefined)
    return { check, state: 'skipped', saw: 'SMTP_URL is not set: link answers email_send' };
  const code = await probeMail(mail, patienceMs);
  if (code === undefined) return { check, state: 'ok', saw: 'the mail server lets us in' };
  return { check, state: 'failed', saw: code, advice: mailAdvice[code] ?? mailAdvice.ECONNECTION };
}

const mailAdvice: Record<string, string> = {
  ECONNECTION: 'is SMTP_URL the address of a mail server that can be reached from here?',
  EAUTH: 'user and password in SMTP_URL are not taken',
  ETLS: 'the server offers no STARTTLS, or a certificate that is not trusted: SMTP_CA, SMTP_REQUIRE_TLS',
  ESOCKET:
    'smtp:// is for STARTTLS or none, smtps:// for TLS from the start; SMTP_CA names who signed the certificate',
};

/** Checks STS: requests credentials for a phone that does not exist, and drops them. */
export async function checkSts({ aws }: Settings): Promise<Finding> {
  const check = 'sts';
  if (aws === undefined)
    return { check, state: 'skipped', saw: 'AWS_ROLE_ARN is not set: aws answers the error aws' };
  let failure: Record<string, unknown> = {};
  const note = (cause: object): void => {
    failure = { ...cause };
  };
  const sts = openSts(aws, { warn: note });
  try {
    const credentials = await sts.assumeRole('00000');
    if (credentials !== 'refused') return { check, state: 'ok', saw: 'gives credentials for the role' };
    const cause = String(failure.cause ?? failure.code ?? failure.name ?? 'refused');
    return {
      check,
      state: 'failed',
      saw: `gives no credentials: ${cause}`,
      advice:
        'the worker’s own credentials must be allowed to assume AWS_ROLE_ARN, and its trust policy must say so; AWS_REGION and AWS_ENDPOINT_URL_STS must be right',
    };
  } finally {
    sts.close();
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), patienceMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
