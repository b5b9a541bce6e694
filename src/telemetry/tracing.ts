import type { TraceContext } from './trace-context.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** The name and the attributes of a new span. */
export interface SpanStart {
  readonly name: string;
  readonly attributes: SpanAttributes;
}

/** The result of a span. */
export interface SpanEnd {
  readonly attributes: SpanAttributes;
  readonly failed: boolean;
}

/** Traces of requests. No attribute holds a phone, a client id or another value that a client chooses. */
export interface Tracing {
  /** Run a request in a span, the child of the client's span if the client sent its context. */
  request<T>(
    start: SpanStart & { readonly parent: TraceContext | undefined; readonly waitedMs: number },
    work: () => Promise<T>,
    endOf: (answer: T) => SpanEnd,
  ): Promise<T>;
  /** Run a call to another server in a child span of the current request; without a request, run it without a span. */
  call<T>(start: SpanStart, work: () => Promise<T>, endOf?: (answer: T) => SpanEnd): Promise<T>;
  /** The context of the current span. */
  context(): TraceContext | undefined;
  /** `trace_id` and `span_id` of the current span, for each line of the log. */
  ids(): Record<string, string>;
  /** Send the remaining spans, for two seconds at most. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** `service.instance.id` of the spans. */
  readonly instance: string;
  /** Called when spans could not be sent, at most once a minute. */
  readonly onTrouble: () => void;
}

/**
 * The URL of the traces: `own`, or the standard path below the collector's address.
 * @see OpenTelemetry, Protocol Exporter, "Endpoint URLs for OTLP/HTTP"
 */
export function tracesUrl(collector: string | undefined, own: string | undefined): string | undefined {
  return own ?? (collector && `${collector.replace(/\/$/, '')}/v1/traces`);
}

/**
 * Open tracing. The SDK is loaded only if there is a URL; it reads the other variables of OpenTelemetry itself.
 * @param url - where spans go, by OTLP over HTTP in JSON; `undefined` turns traces off.
 */
export async function openTracing(
  url: string | undefined,
  options: TracingOptions,
): Promise<Tracing | undefined> {
  if (url === undefined) return undefined;
  const { openSpans } = await import('./spans.ts');
  return openSpans(url, options);
}
