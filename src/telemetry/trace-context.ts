/** `traceparent` and, if there is one, `tracestate`: MQTT 5 user properties, as they are HTTP headers elsewhere. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Version, trace id, span id, flags; a newer version may have more behind. W3C Trace Context, 3.2 */
const form = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-.*)?$/;
const maxParent = 128;
/** W3C Trace Context, 3.3.1.5: at least so much must be handed on; more is dropped. */
const maxState = 512;

/** The context that a client sent, if it is one; of a property that came several times, none. */
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

/** As user properties of a publish. */
export function writeTraceContext({ traceparent, tracestate }: TraceContext): Record<string, string> {
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}
