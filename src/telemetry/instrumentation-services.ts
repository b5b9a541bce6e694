import type { Mail } from '../services/mail/mailer.ts';
import type { Sts } from '../services/sts/client.ts';

/** Told of every call to a foreign service, which it runs. */
export type CallWatch = <T extends string | object>(
  service: 'mail' | 'sts',
  call: () => Promise<T>,
  outcomeOf: (answer: T) => string,
) => Promise<T>;

/** A mail server whose calls are watched. */
export function watchMail(mail: Mail, watch: CallWatch): Mail {
  return {
    ...mail,
    sendCode: (message) =>
      watch(
        'mail',
        () => mail.sendCode(message),
        (outcome) => outcome,
      ),
  };
}

/** STS whose calls are watched. */
export function watchSts(sts: Sts, watch: CallWatch): Sts {
  return {
    ...sts,
    assumeRole: (phone) =>
      watch(
        'sts',
        () => sts.assumeRole(phone),
        (answer) => (answer === 'refused' ? answer : 'issued'),
      ),
  };
}
