import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Context,
  createTraceState,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { TraceContext } from './trace-context.ts';
import type { SpanEnd, Tracing, TracingOptions } from './tracing.ts';

const maxGoodbyeMs = 2_000;
const troublePauseMs = 60_000;

/**
 * Traces by OpenTelemetry's SDK. What is under way is known by an AsyncLocalStorage, so that the store and the foreign
 * services need not be told.
 */
export function openSpans({ url, instance, onTrouble }: TracingOptions): Tracing {
  hearTrouble(onTrouble);
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'profile-worker', 'service.instance.id': instance }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  const tracer = provider.getTracer('profile-worker');
  const underWay = new AsyncLocalStorage<Context>();
  const current = (): Span | undefined => trace.getSpan(underWay.getStore() ?? ROOT_CONTEXT);

  return {
    request({ name, attributes, parent, waitedMs }, work, endOf) {
      const startTime = Date.now() - waitedMs;
      const around = contextOf(parent);
      const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes, startTime }, around);
      return underWay.run(trace.setSpan(around, span), () => until(span, work, endOf));
    },
    call({ name, attributes }, work, endOf) {
      const around = underWay.getStore();
      // Of a request that is not sampled nothing is, so it need not pay for spans that go nowhere.
      if (around === undefined || trace.getSpan(around)?.isRecording() !== true) return work();
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, around);
      return underWay.run(trace.setSpan(around, span), () => until(span, work, endOf));
    },
    context() {
      const span = current();
      return span && writeContext(span);
    },
    ids(): Record<string, string> {
      const span = current()?.spanContext();
      return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
    },
    async close() {
      await Promise.race([
        provider.shutdown().catch(() => undefined),
        sleep(maxGoodbyeMs, undefined, { ref: false }),
      ]);
    },
  };
}

/** End a span when its work ends. Of what was thrown only the class is told: its text may hold what a client sent. */
async function until<T>(span: Span, work: () => Promise<T>, endOf?: (answer: T) => SpanEnd): Promise<T> {
  try {
    const answer = await work();
    const end = endOf?.(answer);
    if (end !== undefined) span.setAttributes({ ...end.attributes });
    if (end?.failed === true) span.setStatus({ code: SpanStatusCode.ERROR });
    return answer;
  } catch (error) {
    span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** The context of the client's span, as a parent of ours. */
function contextOf(parent: TraceContext | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = '00'] = parent.traceparent.split('-');
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(parent.tracestate !== undefined && { traceState: createTraceState(parent.tracestate) }),
  });
}

function writeContext(span: Span): TraceContext {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const tracestate = traceState?.serialize();
  const flags = traceFlags.toString(16).padStart(2, '0');
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...(tracestate && { tracestate }) };
}

/** The SDK tells its troubles to a logger of its own, with texts that may hold the address and what stands in it. */
function hearTrouble(onTrouble: () => void): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (): void => {
    const now = performance.now();
    if (now - toldAt < troublePauseMs) return;
    toldAt = now;
    onTrouble();
  };
  const nothing = (): void => undefined;
  const logger = { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
