/** The two foreign services, and the settings with which a worker uses them. */
import { type SmtpOptions, type SmtpSink, startSmtp } from './smtp.ts';
import { type StsServer, startSts } from './sts.ts';

type Settings = Readonly<Record<string, string>>;

export interface Services {
  readonly smtp: SmtpSink;
  readonly sts: StsServer;
  readonly settings: Settings;
  stop(): Promise<void>;
}

export async function startServices(options: SmtpOptions = {}): Promise<Services> {
  const [smtp, sts] = await Promise.all([startSmtp(options), startSts()]);
  return {
    smtp,
    sts,
    settings: { ...mailSettings(smtp), ...stsSettings(sts) },
    stop: async () => void (await Promise.all([smtp.stop(), sts.stop()])),
  };
}

export const mailSettings = ({ url, ca }: Pick<SmtpSink, 'url' | 'ca'>): Settings => ({
  SMTP_URL: url,
  MAIL_FROM: 'Example <no-reply@example.org>',
  VERIFY_SECRET: 'a secret of more than 32 characters',
  ...(ca ? { SMTP_CA: ca.toString() } : { SMTP_REQUIRE_TLS: 'off' }),
});

export const stsSettings = ({ environment }: Pick<StsServer, 'environment'>): Settings => ({
  ...environment,
  AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/phone',
  AWS_EC2_METADATA_DISABLED: 'true',
});
