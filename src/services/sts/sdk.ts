import { createRequire } from 'node:module';
import type { STSClient } from '@aws-sdk/client-sts';
import { inTime } from '../../lib/in-time.ts';
import type { StsSettings } from './settings.ts';

type Module = typeof import('@aws-sdk/client-sts');

export interface ReadyClient {
  readonly client: STSClient;
  /** Of the credentials that it signs with; it tells them from others. */
  readonly secret: string;
}

// A `require` that has failed is tried again at the next call; a failed `import()` fails for the life of the process.
const require = createRequire(import.meta.url);

/** What the SDK requires only when it looks for credentials there, and whose dependencies those are. */
const lazyModules: readonly [of: string, names: readonly string[]][] = [
  [
    '@aws-sdk/credential-provider-node',
    [
      '@aws-sdk/credential-provider-http',
      '@aws-sdk/credential-provider-ini',
      '@aws-sdk/credential-provider-process',
      '@aws-sdk/credential-provider-sso',
      '@aws-sdk/credential-provider-web-identity',
      '@smithy/credential-provider-imds',
    ],
  ],
  ['@aws-sdk/credential-provider-web-identity', ['@aws-sdk/nested-clients/sts']],
];

/** Connecting to STS takes tens of milliseconds; after this time it is retried. */
const connectionTimeoutMs = 3_000;

/** A connection that is silent for so long counts as dead. */
const silentMs = 10_000;

/** Looking for credentials takes milliseconds, or a call to STS; after this time it is begun again. */
const searchMs = 4_000;

/** So many searches that never end are left behind, each with its connection; beyond that no other is begun. */
const maxLeftBehind = 32;

/**
 * The AWS SDK and its one client. The SDK keeps what it has found of the worker's own credentials, or a search that never
 * ends, as long as the client: `renew` begins with a new one.
 */
export class Sdk {
  readonly #settings: StsSettings;
  #client: STSClient | undefined;
  #leftBehind = 0;

  /** @throws Error when the SDK is not installed. */
  constructor(settings: StsSettings) {
    this.#settings = settings;
    // Node.js remembers for ever that a package was missing, so it is looked up at the start.
    require.resolve('@aws-sdk/client-sts');
  }

  /**
   * Load the SDK with all that it would load later.
   * @throws Error when a file cannot be read.
   */
  load(): void {
    const sdk = createRequire(require.resolve('@aws-sdk/client-sts'));
    this.#load();
    let from = sdk;
    for (const [of, names] of lazyModules) {
      from = createRequire(from.resolve(of));
      for (const name of names) from(name);
    }
  }

  #load(): Module {
    return require('@aws-sdk/client-sts') as Module;
  }

  get commands(): Pick<Module, 'AssumeRoleCommand' | 'GetCallerIdentityCommand'> {
    return this.#load();
  }

  get #current(): STSClient {
    this.#client ??= this.#open();
    return this.#client;
  }

  /**
   * A client that has found the worker's own credentials. Beside a search that takes long another one is begun, and later
   * calls use the client whose search was the first to end.
   * @throws what the SDK throws when there are none.
   */
  async ready(): Promise<ReadyClient> {
    const client = this.#current;
    const search = readyClient(client);
    if (await settledWithin(search, Math.min(searchMs, this.#settings.deadlineMs / 3))) return search;
    if (this.#client === client && this.#leftBehind < maxLeftBehind) {
      this.#leftBehind++;
      const end = (): void => void this.#leftBehind--;
      search.then(end, end);
      this.renew(client);
    }
    const first = await Promise.any([search, readyClient(this.#current)]);
    this.#client = first.client;
    return first;
  }

  /** Let later calls use another client, which looks for credentials again; unless there is another by now. */
  renew(client: STSClient): void {
    if (this.#client === client) this.#client = this.#open(client);
  }

  /** @param before - its connections, and what it knows of the clock of STS, pass to the new one. */
  #open(before?: STSClient): STSClient {
    const { region, deadlineMs } = this.#settings;
    const { STSClient } = this.#load();
    const attemptMs = Math.min(silentMs, Math.ceil(deadlineMs / 2));
    const options = {
      region,
      retryMode: 'standard',
      // Read by the search for credentials: a shared file that was rotated, or could not be read once, is read again.
      ignoreCache: true,
      systemClockOffset: before?.config.systemClockOffset ?? 0,
      requestHandler: before?.config.requestHandler ?? {
        // The limiter of the calls is their one bound (AWS_CONCURRENCY). The SDK has 50 sockets, and lets the rest wait.
        httpAgent: { maxSockets: Number.POSITIVE_INFINITY },
        httpsAgent: { maxSockets: Number.POSITIVE_INFINITY },
        connectionTimeout: Math.min(connectionTimeoutMs, attemptMs),
        // A broken connection times out early enough for a second attempt on a new one.
        requestTimeout: attemptMs,
        socketTimeout: attemptMs,
        throwOnRequestTimeout: true,
      },
    };
    return new STSClient(options);
  }

  close(): void {
    this.#client?.destroy();
  }
}

async function readyClient(client: STSClient): Promise<ReadyClient> {
  const { secretAccessKey: secret } = await client.config.credentials();
  return { client, secret };
}

function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const over = (): boolean => true;
  return inTime(promise.then(over, over), ms, false);
}
