import type { AssumeRoleCommandInput, AssumeRoleCommandOutput, STSClient } from '@aws-sdk/client-sts';
import { fillPhone } from './session-policy.ts';
import { type StsSettings, sessionNameTemplate, stsProblems } from './settings.ts';

export { type StsSettings, stsProblems } from './settings.ts';

export interface TemporaryCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Unix milliseconds. */
  expiration: number;
}

export interface Sts {
  /**
   * One `AssumeRole` for a phone.
   * @param phone - 5 to 15 digits.
   * @returns `refused` for every failure; the log gets an error name and an HTTP status. Never throws.
   */
  assumeRole(phone: string): Promise<TemporaryCredentials | 'refused'>;
  /** Abort the calls; they return `refused`. */
  close(): void;
}

/** The part of a logger that is used; pino's loggers fit. */
export interface StsLog {
  warn(fields: { cause: string; status?: number; attempts?: number }, message: string): void;
}

/** Connecting to STS takes tens of milliseconds; after this time it is retried. */
const connectionTimeoutMs = 3_000;

/**
 * Open a client of AWS STS, for temporary credentials of one phone.
 *
 * The SDK's default chain finds the worker's own credentials (environment, configuration file, web identity, container,
 * instance). `AWS_ENDPOINT_URL_STS`, `AWS_MAX_ATTEMPTS` and the SDK's other variables apply. The first call loads the SDK.
 * @throws RangeError with all problems of the settings, without their values; see {@link stsProblems}.
 * @see docs/protocol.md, "aws"; AWS STS API, AssumeRole
 */
export function openSts(settings: StsSettings, log?: StsLog): Sts {
  const problems = stsProblems(settings);
  if (problems.length > 0) throw new RangeError(`STS: ${problems.join('; ')}`);

  const calls = new Set<AbortController>();
  let opening: Promise<OpenSdk> | undefined;
  let closed = false;

  const ask = async (phone: string, signal: AbortSignal): Promise<TemporaryCredentials> => {
    signal.throwIfAborted();
    const request = requestFor(settings, phone);
    opening ??= openSdk(settings);
    const { client, AssumeRoleCommand } = await opening;
    return readCredentials(await client.send(new AssumeRoleCommand(request), { abortSignal: signal }));
  };

  return {
    async assumeRole(phone) {
      const abort = new AbortController();
      const deadline = setTimeout(() => abort.abort('DeadlineExceeded'), settings.deadlineMs);
      calls.add(abort);
      if (closed) abort.abort('Closed');
      try {
        // The signal ends a request of the SDK, but not its search for credentials: hence the race.
        return await Promise.race([aborted(abort.signal), ask(phone, abort.signal)]);
      } catch (error) {
        log?.warn(safeCause(error, abort.signal), 'STS gave no credentials');
        return 'refused';
      } finally {
        clearTimeout(deadline);
        calls.delete(abort);
      }
    },

    close() {
      closed = true;
      for (const abort of calls) abort.abort('Closed');
      opening?.then(
        ({ client }) => client.destroy(),
        () => undefined,
      );
    },
  };
}

interface OpenSdk {
  client: STSClient;
  AssumeRoleCommand: typeof import('@aws-sdk/client-sts').AssumeRoleCommand;
}

async function openSdk({ region, deadlineMs }: StsSettings): Promise<OpenSdk> {
  const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
  const attemptMs = Math.ceil(deadlineMs / 2);
  const client = new STSClient({
    region,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: Math.min(connectionTimeoutMs, attemptMs),
      // A broken connection times out early enough for a second attempt on a new one.
      requestTimeout: attemptMs,
      throwOnRequestTimeout: true,
    },
  });
  return { client, AssumeRoleCommand };
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

function readCredentials({ Credentials: found }: AssumeRoleCommandOutput): TemporaryCredentials {
  const expiration = found?.Expiration?.getTime();
  if (!found?.AccessKeyId || !found.SecretAccessKey || !found.SessionToken || !Number.isFinite(expiration)) {
    throw new MalformedAnswer();
  }
  return {
    accessKeyId: found.AccessKeyId,
    secretAccessKey: found.SecretAccessKey,
    sessionToken: found.SessionToken,
    expiration: Number(expiration),
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
function safeCause(
  error: unknown,
  signal: AbortSignal,
): { cause: string; status?: number; attempts?: number } {
  if (signal.aborted) return { cause: String(signal.reason) };
  if (!(error instanceof Error)) return { cause: 'UnknownError' };

  const { code, $metadata = {} } = error as Error &
    Partial<Pick<AssumeRoleCommandOutput, '$metadata'>> & { code?: unknown };
  const { httpStatusCode: status, attempts } = $metadata;
  return {
    cause: nameOf(error, code, status),
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
