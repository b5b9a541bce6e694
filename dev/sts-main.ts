/**
 * The development STS as a separate program, for a composition of containers.
 *
 * Environment: `PORT` (default 8080), `HOST` (default 0.0.0.0), `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
 * `AWS_REGION` (what callers must sign with; defaults as in `startSts`), `STS_MODE` and `STS_SLOW_MS` (how calls are
 * answered).
 */
import { type StsMode, startSts, stsModes } from './servers/sts.ts';

const { PORT, HOST, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, STS_MODE, STS_SLOW_MS } =
  process.env;

const mode = STS_MODE ?? 'success';
if (!isMode(mode)) {
  console.error(`STS_MODE is one of ${stsModes.join(', ')}`);
  process.exit(78);
}

const slowMs = Number(STS_SLOW_MS ?? 3000);
if (!(slowMs >= 0)) {
  console.error('STS_SLOW_MS is a number of milliseconds');
  process.exit(78);
}

const sts = await startSts({
  port: Number(PORT ?? 8080),
  host: HOST ?? '0.0.0.0',
  ...(AWS_ACCESS_KEY_ID !== undefined && { accessKeyId: AWS_ACCESS_KEY_ID }),
  ...(AWS_SECRET_ACCESS_KEY !== undefined && { secretAccessKey: AWS_SECRET_ACCESS_KEY }),
  ...(AWS_REGION !== undefined && { region: AWS_REGION }),
});
sts.mode(mode, slowMs);
console.log(`STS for development at ${sts.url}, mode ${mode}`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void sts.stop();
  });
}

function isMode(text: string): text is StsMode {
  return (stsModes as readonly string[]).includes(text);
}
