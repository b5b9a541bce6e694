import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** A reason is logged once in this time: each request and each notice may meet it. */
const pauseMs = 60_000;

/** More reasons than brokers have; all are forgotten beyond that. */
const maxReasons = 256;

interface Logged {
  readonly at: number;
  /** Publishes since then that were refused for the same reason. */
  more: number;
}

/** By the kind of publish and the reason. */
const loggedBy = new WeakMap<Log, Map<string, Logged>>();

/** Count and log a publish that a broker refused: it would refuse it again. So is a notice for which an outbox has no room. */
export function noteRefused(
  kind: 'answer' | 'notice',
  error: unknown,
  { metrics, log }: { readonly metrics: Pick<Metrics, 'publishRefused'>; readonly log: Log },
): void {
  metrics.publishRefused(kind);
  const reasons = loggedBy.get(log) ?? new Map<string, Logged>();
  loggedBy.set(log, reasons);
  const reason = `${kind} ${error instanceof Error ? error.message : ''}`;
  const logged = reasons.get(reason);
  const now = performance.now();
  if (logged !== undefined && now - logged.at < pauseMs) {
    logged.more++;
    return;
  }
  if (reasons.size >= maxReasons) reasons.clear();
  reasons.set(reason, { at: now, more: 0 });
  log.warn({ kind, ...(logged && { more: logged.more }), err: error }, 'a broker refused a publish');
}
