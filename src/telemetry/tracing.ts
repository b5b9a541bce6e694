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
