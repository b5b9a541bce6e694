import { type Fault, ready, row, slow } from './fault.ts';

export const ofMail: readonly Fault[] = [
  row(
    'mail-away',
    'the mail server is stopped',
    ready('mail refused … ECONNREFUSED…', 'mail: …ECONNREFUSED', 'ProfileMailRefused'),
  ),
  slow(
    row(
      'mail-login',
      'the mail server wants a login, and `SMTP_URL` has none',
      ready(
        'mail refused … MAIL 530…',
        'mail: the server takes no mail without a login (530)',
        'ProfileMailRefused',
      ),
    ),
  ),
  slow(
    row(
      'mail-password',
      'the mail server does not take our user and password',
      ready('mail refused EAUTH…', 'mail: EAUTH…', 'ProfileMailRefused'),
    ),
  ),
  slow(
    row(
      'mail-certificate',
      'the certificate of the mail server is not trusted',
      ready('mail refused … TLS: …', 'mail: TLS: …', 'ProfileMailRefused'),
    ),
  ),
  slow(
    row(
      'mail-sender',
      'the mail server does not take our sender',
      ready(
        'mail refused EENVELOPE MAIL 550…',
        'mail: the server does not take our sender (550)',
        'ProfileMailRefused',
      ),
    ),
  ),
  slow(
    row(
      'mail-recipient',
      'the mail server refuses recipients',
      ready('mail refused EENVELOPE RCPT 550…', '', 'ProfileMailRefused'),
    ),
  ),
  slow(
    row(
      'mail-silent',
      'the mail server does not answer',
      ready('mail refused timeout…', 'mail: …', 'ProfileMailRefused', 'ProfileLaneFull'),
    ),
  ),
  slow(
    row(
      'mail-plain',
      'the mail server offers no STARTTLS',
      ready('mail refused ETLS…', 'mail: ETLS…', 'ProfileMailRefused'),
    ),
  ),
];

export const ofSts: readonly Fault[] = [
  row(
    'sts-role',
    'our credentials may not assume the role',
    ready(
      'STS gave no credentials AccessDenied…',
      'sts role: gives no credentials: AccessDenied',
      'ProfileStsRefused',
    ),
  ),
  slow(
    row(
      'sts-silent',
      'STS does not answer',
      ready('STS gave no credentials DeadlineExceeded…', 'sts: does not know us: …', 'ProfileStsRefused'),
    ),
  ),
  slow(
    row(
      'sts-throttles',
      'STS throttles our account',
      ready(
        'STS gave no credentials Throttling…',
        'sts role: gives no credentials: Throttling…',
        'ProfileStsRefused',
      ),
    ),
  ),
  slow(
    row(
      'sts-away',
      'STS cannot be reached',
      ready(
        'STS gave no credentials ECONNREFUSED…',
        'sts: does not know us: ECONNREFUSED',
        'ProfileStsRefused',
      ),
    ),
  ),
  slow(
    row(
      'sts-credentials',
      'our own credentials at AWS are wrong',
      ready(
        'STS gave no credentials SignatureDoesNotMatch…',
        'sts: does not know us: SignatureDoesNotMatch',
        'ProfileStsRefused',
      ),
    ),
  ),
];

export const ofWorkers: readonly Fault[] = [
  row(
    'worker-killed',
    'a worker is killed',
    ready(
      'a worker is gone: taking over its broker session…',
      '',
      'ProfileWorkerGone',
      'ProfileSessionAdopted',
    ),
  ),
  slow(
    row(
      'worker-frozen',
      'a worker is frozen',
      ready(
        'a worker is gone: taking over its broker session…',
        '',
        'ProfileWorkerGone',
        'ProfileSessionAdopted',
      ),
    ),
  ),
  slow(
    row(
      'request-poisoned',
      'a request ends each worker that handles it',
      ready('a request was given up…', '', 'ProfileRequestPoisoned'),
    ),
  ),
  slow(row('worker-late', 'a worker has too little CPU', ready('', '', 'ProfileEventLoopBlocked'))),
  row('settings-unknown', 'a setting is misspelt', ready('unknown settings have no effect: …', '')),
  slow(
    row(
      'settings-client-id',
      '`MQTT_CLIENT_ID` does not begin with `MQTT_WORKER_PREFIX`',
      ready('MQTT_CLIENT_ID does not begin with MQTT_WORKER_PREFIX…', ''),
    ),
  ),
  slow(row('traces-away', 'the collector of traces is away', ready('traces could not be sent', ''))),
];
