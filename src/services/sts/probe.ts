import { safeCause } from './client.ts';
import { Sdk } from './sdk.ts';
import type { StsSettings } from './settings.ts';

/** Whose credentials the worker has itself, or why STS does not say. */
export type CallerIdentity = { readonly arn: string } | { readonly cause: string };

/**
 * Ask STS who we are (GetCallerIdentity). Every valid credential may ask that, so a refusal means that the credentials are missing or
 * wrong, or that STS cannot be reached.
 * @see AWS STS API, GetCallerIdentity
 */
export async function callerIdentity(settings: StsSettings, timeoutMs: number): Promise<CallerIdentity> {
  const signal = AbortSignal.timeout(timeoutMs);
  // The signal ends a request of the SDK, but not its search for credentials: hence the race.
  const late = new Promise<CallerIdentity>((resolve) =>
    signal.addEventListener('abort', () => resolve({ cause: 'no answer in time' }), { once: true }),
  );
  return Promise.race([late, ask(settings, signal)]);
}

async function ask(settings: StsSettings, signal: AbortSignal): Promise<CallerIdentity> {
  const sdk = new Sdk(settings);
  try {
    const { client } = await sdk.ready();
    const question = new sdk.commands.GetCallerIdentityCommand({});
    const { Arn } = await client.send(question, { abortSignal: signal });
    return Arn === undefined ? { cause: 'MalformedAnswer' } : { arn: Arn };
  } catch (error) {
    return { cause: signal.aborted ? 'no answer in time' : safeCause(error, signal).cause };
  } finally {
    sdk.close();
  }
}
