import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Count and log a publish that a broker refused: it would refuse it again. */
export function noteRefused(
  kind: 'answer' | 'notice',
  error: unknown,
  { metrics, log }: { readonly metrics: Pick<Metrics, 'publishRefused'>; readonly log: Log },
): void {
  metrics.publishRefused(kind);
  log.warn({ kind, err: error }, 'a broker refused a publish');
}
