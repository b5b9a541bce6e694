/** The W3C trace context, as MQTT 5 user properties: `traceparent` and an optional `tracestate`. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Version, trace id, span id, flags; a newer version may append fields. W3C Trace Context, 3.2 */
const form = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-.*)?$/;
const maxParent = 128;
/** A longer state is dropped; W3C Trace Context, 3.3.1.5, requires this much. */
const maxState = 512;

/** @returns the client's trace context; `undefined` if it is malformed or a property is repeated. */
export function readTraceContext(
  properties: Readonly<Record<string, string | string[]>> | undefined,
): TraceContext | undefined {
  if (properties === undefined) return undefined;
  const { traceparent, tracestate } = properties;
  if (typeof traceparent !== 'string' || traceparent.length > maxParent) return undefined;
  if (!form.test(traceparent)) return undefined;
  const isState = typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= maxState;
  return { traceparent, ...(isState && { tracestate }) };
}

/** The user properties of a publish. */
export function writeTraceContext({ traceparent, tracestate }: TraceContext): Record<string, string> {
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}
