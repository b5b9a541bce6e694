import type { Tracing, TracingOptions } from './tracing.ts';

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
