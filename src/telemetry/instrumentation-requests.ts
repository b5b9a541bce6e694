import type { Delivery, Publication } from '../mqtt/connection.ts';
import type { RequestKind } from '../protocol/profile.ts';
import { readTraceContext, writeTraceContext } from './trace-context.ts';
import type { Tracing } from './tracing.ts';

/**
 * Serve a request as a span, from when it was received until all that it says was accepted.
 * @param process - does so; gives what the metrics call the result.
 */
export async function traceRequest(
  tracing: Tracing,
  { kind, delivery }: { readonly kind: RequestKind | 'invalid'; readonly delivery: Delivery },
  process: () => Promise<string>,
): Promise<void> {
  const start = {
    name: `profile ${kind}`,
    attributes: {
      'messaging.system': 'mqtt',
      'messaging.operation.type': 'process',
      'messaging.destination.template': 'events/1/{node}/api/{user}/{client}/{token}',
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
 * The user properties of an answer: the context of the request's span; with traces off the client's own, as it sent it.
 * It goes to the asking client alone.
 */
export function answerProperties(
  delivery: Delivery,
  tracing: Tracing | undefined,
): Pick<Publication, 'userProperties'> | undefined {
  const context = tracing === undefined ? readTraceContext(delivery.userProperties) : tracing.context();
  return context && { userProperties: writeTraceContext(context) };
}
