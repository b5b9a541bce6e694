import { AsyncLocalStorage } from 'node:async_hooks';
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
import { inTime } from '../lib/in-time.ts';
import type { TraceContext } from './trace-context.ts';
import type { SpanEnd, Tracing, TracingOptions } from './tracing.ts';

const maxCloseMs = 2_000;
const troublePauseMs = 60_000;

/**
 * Traces by OpenTelemetry's SDK. An AsyncLocalStorage holds the current span, so no caller passes it on.
 */
export function openSpans(url: string, { instance, onTrouble }: TracingOptions): Tracing {
  reportTrouble(onTrouble);
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
      // Calls of a request that is not sampled get no spans, which nobody would see.
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
      const sent = provider.shutdown().catch(() => undefined);
      await inTime(sent, maxCloseMs, undefined);
    },
  };
}

/** End a span when its work ends. Only the class of an error is recorded, since its text may quote a client. */
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

/** The context of the client's span, as the parent of a span. */
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

/** Replaces the SDK's own logger, whose texts may hold the collector's address and credentials in it. */
function reportTrouble(onTrouble: () => void): void {
  let reportedAt = Number.NEGATIVE_INFINITY;
  const report = (): void => {
    const now = performance.now();
    if (now - reportedAt < troublePauseMs) return;
    reportedAt = now;
    onTrouble();
  };
  const nothing = (): void => undefined;
  const logger = { error: report, warn: report, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
