import type { AssumeRoleCommandInput, AssumeRoleCommandOutput, STSClient } from '@aws-sdk/client-sts';
import { systemCause } from '../../lib/system-causes.ts';
import { Sdk } from './sdk.ts';
import { fillPhone } from './session-policy.ts';
import { type StsSettings, sessionNameTemplate, stsProblems } from './settings.ts';

export { type StsSettings, stsProblems } from './settings.ts';

export interface TemporaryCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Unix milliseconds, by the clock of STS. */
  expiration: number;
  /** For so many milliseconds they are valid from now on, whatever the clock of this machine says. */
  validMs: number;
}

export interface Sts {
  /**
   * One `AssumeRole` for a phone.
   * @param phone - 5 to 15 digits.
   * @returns `refused` for every failure; the log gets an error name and an HTTP status. Never throws.
   */
  assumeRole(phone: string): Promise<TemporaryCredentials | 'refused'>;
  /**
   * Load the SDK, so that a later call needs no file of the program.
   * @throws Error when a file cannot be read; the next call tries again.
   */
  load(): void;
  /** Abort the calls; they return `refused`. */
  close(): void;
}

/** The part of a logger that is used; pino's loggers fit. */
export interface StsLog {
  warn(fields: { cause: string; system?: string; status?: number; attempts?: number }, message: string): void;
}

/**
 * Open a client of AWS STS, for temporary credentials of one phone.
 *
 * The SDK's default chain finds the worker's own credentials (environment, configuration file, web identity, container,
 * instance). `AWS_ENDPOINT_URL_STS`, `AWS_MAX_ATTEMPTS` and the SDK's other variables apply. `load`, or the first call, loads the SDK.
 * A call that fails for the worker's own credentials looks for them anew.
 * @throws RangeError with all problems of the settings, without their values; see {@link stsProblems}.
 * @see docs/protocol.md, "aws"; AWS STS API, AssumeRole
 */
export function openSts(settings: StsSettings, log?: StsLog): Sts {
  const problems = stsProblems(settings);
  if (problems.length > 0) throw new RangeError(`STS: ${problems.join('; ')}`);

  const calls = new Set<AbortController>();
  const sdk = new Sdk(settings);
  let closed = false;

  return {
    async assumeRole(phone) {
      const abort = new AbortController();
      const deadline = setTimeout(() => abort.abort('DeadlineExceeded'), settings.deadlineMs);
      calls.add(abort);
      if (closed) abort.abort('Closed');
      try {
        // The signal ends a request of the SDK, but not its search for credentials: hence the race.
        return await Promise.race([aborted(abort.signal), ask(sdk, settings, phone, abort.signal)]);
      } catch (error) {
        log?.warn(safeCause(error, abort.signal), 'STS gave no credentials');
        return 'refused';
      } finally {
        clearTimeout(deadline);
        calls.delete(abort);
      }
    },

    load: () => sdk.load(),

    close() {
      closed = true;
      for (const abort of calls) abort.abort('Closed');
      sdk.close();
    },
  };
}

/** What STS says of a signature whose credentials are out of date. */
const staleCredentials: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

/** Ask STS; once more if the worker's own credentials were out of date, and there are others now. */
async function ask(
  sdk: Sdk,
  settings: StsSettings,
  phone: string,
  signal: AbortSignal,
): Promise<TemporaryCredentials> {
  signal.throwIfAborted();
  const request = requestFor(settings, phone);
  const { client, secret } = await sdk.ready();
  try {
    return await assumeRole(sdk, client, request, signal);
  } catch (error) {
    if (!(error instanceof Error && staleCredentials.has(error.name))) throw error;
    sdk.renew(client);
    const next = await sdk.ready();
    if (next.secret === secret || signal.aborted) throw error;
    return await assumeRole(sdk, next.client, request, signal);
  }
}

async function assumeRole(
  sdk: Sdk,
  client: STSClient,
  request: AssumeRoleCommandInput,
  signal: AbortSignal,
): Promise<TemporaryCredentials> {
  const command = new sdk.commands.AssumeRoleCommand(request);
  let date = Number.NaN;
  command.middlewareStack.add(
    (next) => async (input) => {
      const result = await next(input);
      const { headers } = result.response as { headers?: Readonly<Record<string, string>> };
      date = Date.parse(headers?.date ?? '');
      return result;
    },
    { step: 'deserialize', name: 'readDate' },
  );
  const output = await client.send(command, { abortSignal: signal });
  return readCredentials(output, date, (request.DurationSeconds ?? 0) * 1000);
}

function requestFor(settings: StsSettings, phone: string): AssumeRoleCommandInput {
  if (!/^\d{5,15}$/.test(phone)) throw new BadPhone();
  const { sessionPolicy, externalId, sourceIdentity, tags, transitiveTagKeys } = settings;
  return {
    RoleArn: settings.roleArn,
    RoleSessionName: fillPhone(sessionNameTemplate(settings), phone),
    DurationSeconds: settings.durationSeconds,
    ...(sessionPolicy !== undefined && { Policy: fillPhone(sessionPolicy, phone) }),
    ...(externalId !== undefined && { ExternalId: externalId }),
    ...(sourceIdentity !== undefined && { SourceIdentity: fillPhone(sourceIdentity, phone) }),
    ...(tags !== undefined && {
      Tags: Object.entries(tags).map(([Key, value]) => ({ Key, Value: fillPhone(value, phone) })),
    }),
    ...(transitiveTagKeys !== undefined && { TransitiveTagKeys: [...transitiveTagKeys] }),
  };
}

/**
 * @param date - of the answer, by the clock of STS; `NaN` if it has none.
 * @param askedMs - for so long they were asked for.
 */
function readCredentials(
  { Credentials: found }: AssumeRoleCommandOutput,
  date: number,
  askedMs: number,
): TemporaryCredentials {
  const expiration = found?.Expiration?.getTime();
  if (!found?.AccessKeyId || !found.SecretAccessKey || !found.SessionToken || !Number.isFinite(expiration)) {
    throw new MalformedAnswer();
  }
  return {
    accessKeyId: found.AccessKeyId,
    secretAccessKey: found.SecretAccessKey,
    sessionToken: found.SessionToken,
    expiration: Number(expiration),
    validMs: Number.isNaN(date) ? askedMs : Math.min(askedMs, Number(expiration) - date),
  };
}

class BadPhone extends Error {
  override readonly name = 'BadPhone';
}

class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer';
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const rejectNow = (): void => reject(new Error('aborted'));
    if (signal.aborted) rejectNow();
    else signal.addEventListener('abort', rejectNow, { once: true });
  });
}

/** The safe fields of an SDK error. Its message may quote what was sent or received. */
export function safeCause(
  error: unknown,
  signal: AbortSignal,
): { cause: string; system?: string; status?: number; attempts?: number } {
  if (signal.aborted) return { cause: String(signal.reason) };
  if (!(error instanceof Error)) return { cause: 'UnknownError' };

  const {
    code: outer,
    info,
    $metadata = {},
  } = error as Error &
    Partial<Pick<AssumeRoleCommandOutput, '$metadata'>> & { code?: unknown; info?: { code?: unknown } };
  // A `SystemError` of Node.js has the system's code inside.
  const code = info?.code ?? outer;
  const { httpStatusCode: status, attempts } = $metadata;
  const system = systemCause(code);
  return {
    cause: nameOf(error, code, status),
    ...(system && { system }),
    ...(status !== undefined && { status }),
    ...(attempts !== undefined && { attempts }),
  };
}

function nameOf(error: Error, code: unknown, status: number | undefined): string {
  if (status === 200) return 'MalformedAnswer';
  // All network errors of Node.js have the name `Error`; their code differs, such as ECONNREFUSED.
  const name = typeof code === 'string' ? code : error.name;
  return /^[A-Za-z]\w{1,63}$/.test(name) ? name : 'UnknownError';
}
