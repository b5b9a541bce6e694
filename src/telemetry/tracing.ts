import type { TraceContext } from './trace-context.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** What a span is called, and what is told of it. */
export interface SpanStart {
  readonly name: string;
  readonly attributes: SpanAttributes;
}

/** What became of it. */
export interface SpanEnd {
  readonly attributes: SpanAttributes;
  readonly failed: boolean;
}

/** Traces of requests. Attributes are never a phone, a client or anything else that a client chooses. */
export interface Tracing {
  /** Run a request as a span of its own, a child of the client's if it sent one. */
  request<T>(
    start: SpanStart & { readonly parent: TraceContext | undefined; readonly waitedMs: number },
    work: () => Promise<T>,
    endOf: (answer: T) => SpanEnd,
  ): Promise<T>;
  /** Run a call to another server as a child of the request under way; where there is none, just run it. */
  call<T>(start: SpanStart, work: () => Promise<T>, endOf?: (answer: T) => SpanEnd): Promise<T>;
  /** Of the request under way. */
  context(): TraceContext | undefined;
  /** What each line of the log is given: `trace_id` and `span_id` of what is under way. */
  ids(): Record<string, string>;
  /** Send what is not sent yet, for two seconds at most. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** Where spans go, by OTLP over HTTP in JSON; the other variables of OpenTelemetry are read by its SDK. */
  readonly url: string;
  /** Tells the workers apart. */
  readonly instance: string;
  /** Hears that spans could not be sent; never more often than once a minute. */
  readonly onTrouble: () => void;
}

/**
 * Where traces go: to the path that OpenTelemetry lays down below a collector's address, unless theirs is named itself.
 * @see OpenTelemetry, Protocol Exporter, "Endpoint URLs for OTLP/HTTP"
 */
export function tracesUrl(collector: string | undefined, own: string | undefined): string | undefined {
  return own ?? (collector && `${collector.replace(/\/$/, '')}/v1/traces`);
}

/** Traces, if there is somewhere to send them; the SDK is loaded only then. */
export async function openTracing(options: TracingOptions | undefined): Promise<Tracing | undefined> {
  if (options === undefined) return undefined;
  const { openSpans } = await import('./spans.ts');
  return openSpans(options);
}
