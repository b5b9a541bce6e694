/** Asks STS once for the phone in the first argument, with a logger that writes all it is given. Started by sts.test.ts. */
import { pino } from 'pino';
import { openSts } from '../../src/services/sts/client.ts';

const sts = openSts(
  {
    region: process.env.AWS_REGION ?? '',
    roleArn: 'arn:aws:iam::123456789012:role/phones',
    durationSeconds: 900,
    deadlineMs: 10_000,
  },
  pino({ level: 'trace' }),
);
await sts.assumeRole(process.argv[2] ?? '');
sts.close();
