import type { Mail } from '../services/mail/mailer.ts';
import type { Sts } from '../services/sts/client.ts';

/** Told of every call to a foreign service, which it runs. */
export type CallObserver = <T extends string | object>(
  service: 'mail' | 'sts',
  call: () => Promise<T>,
  outcomeOf: (answer: T) => string,
) => Promise<T>;

/** A mail server whose calls are watched. */
export function instrumentMail(mail: Mail, observe: CallObserver): Mail {
  return {
    ...mail,
    sendCode: (message) =>
      observe(
        'mail',
        () => mail.sendCode(message),
        (outcome) => outcome,
      ),
  };
}

/** STS whose calls are watched. */
export function instrumentSts(sts: Sts, observe: CallObserver): Sts {
  return {
    ...sts,
    assumeRole: (phone) =>
      observe(
        'sts',
        () => sts.assumeRole(phone),
        (answer) => (answer === 'refused' ? answer : 'issued'),
      ),
  };
}
