import type { Delivery, Publication } from '../mqtt/connection.ts';
import { readTraceContext, writeTraceContext } from './trace-context.ts';
import type { Tracing } from './tracing.ts';

/**
 * Serve a request in a span, from its arrival until the brokers have accepted all that it publishes.
 * @param pattern - of the topics of requests, with `:name` for each level that differs.
 * @param process - serves it; returns the result as the metrics name it.
 */
export async function traceRequest(
  tracing: Tracing,
  { kind, delivery }: { readonly kind: string; readonly delivery: Delivery },
  pattern: string,
  process: () => Promise<string>,
): Promise<void> {
  const start = {
    name: `profile ${kind}`,
    attributes: {
      'messaging.system': 'mqtt',
      'messaging.operation.type': 'process',
      'messaging.destination.template': pattern.replaceAll(/:(\w+)/g, '{$1}'),
      'messaging.message.body.size': delivery.payload.length,
      'profile.request.kind': kind,
      'profile.request.redelivered': delivery.redelivered,
    },
    parent: readTraceContext(delivery.userProperties),
    waitedMs: performance.now() - delivery.receivedAt,
  };
  await tracing.request(start, process, (result) => ({
    attributes: { 'profile.request.result': result },
    failed: result === 'internal',
  }));
}

/**
 * The user properties of an answer: the trace context of the request's span. With traces off, the client gets its own
 * context back. Answers to other clients have none.
 */
export function answerProperties(
  delivery: Delivery,
  tracing: Tracing | undefined,
): Publication['userProperties'] {
  const context = tracing === undefined ? readTraceContext(delivery.userProperties) : tracing.context();
  return context && writeTraceContext(context);
}
