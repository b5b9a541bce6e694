import { type SmtpOptions, startSmtp } from '../../dev/servers/smtp.ts';
import type { WorkerSettings } from '../harness/worker.ts';
import type { Break, System } from './system.ts';
import { awses, linking, traffic } from './traffic.ts';

/** The mail server misbehaves while phones link addresses. */
const mails =
  (breakIt: (system: System) => void, mendIt: (system: System) => void): Break =>
  async (system) => {
    breakIt(system);
    const stop = await linking(system);
    return {
      async mend() {
        mendIt(system);
        await stop();
      },
    };
  };

const refusing = (where: 'mail' | 'rcpt'): Break =>
  mails(
    ({ sink }) => sink.refuse(where),
    ({ sink }) => sink.refuse('none'),
  );

/** A worker of its own with another mail server; it gets the system's requests too, so it alone takes them. */
const byMail =
  (options: SmtpOptions, settingsOf: (url: string) => WorkerSettings): Break =>
  async (system) => {
    const sink = await startSmtp(options);
    const url = sink.url.replace(/\/\/.*@/, '//');
    const scene = await system.another({ MQTT_SHARE_GROUP: 'another', ...settingsOf(url) });
    const stop = await linking(system);
    return { scene, mend: () => Promise.all([stop(), sink.stop()]) };
  };

const stsMode =
  (mode: 'AccessDenied' | 'hang' | 'Throttling'): Break =>
  async (system) => {
    system.sts.mode(mode);
    const stop = await traffic(system, awses, 4);
    return {
      async mend() {
        system.sts.mode('success');
        await stop();
      },
    };
  };

const bySts =
  (settings: WorkerSettings): Break =>
  async (system) => {
    const scene = await system.another({ MQTT_SHARE_GROUP: 'another', ...settings });
    const stop = await traffic(system, awses, 4);
    return { scene, mend: stop };
  };

export const breakingServices: Readonly<Record<string, Break>> = {
  'mail-away': byMail({}, () => ({ SMTP_URL: 'smtp://127.0.0.1:1' })),
  'mail-login': byMail({ user: 'worker', password: 'secret' }, (SMTP_URL) => ({ SMTP_URL })),
  'mail-password': byMail({ user: 'worker', password: 'secret' }, (url) => ({
    SMTP_URL: url.replace('://', '://worker:another@'),
  })),
  'mail-certificate': byMail({ tls: 'implicit' }, (SMTP_URL) => ({ SMTP_URL })),
  'mail-plain': byMail({}, (SMTP_URL) => ({ SMTP_URL, SMTP_REQUIRE_TLS: 'on' })),
  'mail-sender': refusing('mail'),
  'mail-recipient': refusing('rcpt'),
  'mail-silent': mails(
    ({ sink }) => sink.hang(true),
    ({ sink }) => sink.hang(false),
  ),
  'sts-role': stsMode('AccessDenied'),
  'sts-throttles': stsMode('Throttling'),
  'sts-silent': stsMode('hang'),
  'sts-away': bySts({ AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' }),
  'sts-credentials': bySts({ AWS_SECRET_ACCESS_KEY: 'another' }),
};
