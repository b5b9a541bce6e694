import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Issued, identityXml, issue, successXml } from './sts-answers.ts';
import { errorXml, StsError } from './sts-error.ts';
import { type AssumeRoleCall, readCall } from './sts-parameters.ts';
import { type KeyPair, verifySignature } from './sts-signature.ts';

export const stsModes = [
  'success',
  'AccessDenied',
  'Throttling',
  '500',
  'slow',
  'hang',
  'malformed',
  'incomplete',
] as const;

/** How calls are answered: `malformed` cuts the XML off, `incomplete` leaves the secret key out. */
export type StsMode = (typeof stsModes)[number];

export interface StsOptions {
  /** Default 0, a free one. */
  port?: number;
  host?: string;
  accessKeyId?: string;
  secretAccessKey?: string;
  region?: string;
}

/** A call with a valid signature and valid parameters; `answered` is `success`, an error code or `none`. */
export interface StsRequest extends AssumeRoleCall {
  /** The access key id that signed; empty for `AssumeRoleWithWebIdentity`, which is not signed. */
  accessKeyId: string;
  answered: string;
  /** The credentials in the answer, whole or cut off. */
  issued?: Issued;
}

export interface StsServer {
  url: string;
  /**
   * The settings with which the SDK finds and uses this server: `AWS_ENDPOINT_URL_STS`, the region and the key pair.
   */
  environment: Record<string, string>;
  requests(): StsRequest[];
  /** @param slowMs - for `slow`: how long an answer takes. */
  mode(mode: StsMode, slowMs?: number): void;
  /** Sets its clock so many milliseconds ahead of this machine's; negative: behind. */
  skew(milliseconds: number): void;
  /** From now on only this key pair may sign, beside the credentials that were issued. */
  rotate(keys: KeyPair): void;
  /** Answers the next calls with `Throttling`, whatever the mode. */
  throttleNext(calls: number): void;
  /** The most calls that were open at once, of all phones or of one role session name. */
  concurrentPeak(sessionName?: string): number;
  /** Cuts open calls off. */
  stop(): Promise<void>;
}

interface State {
  region: string;
  keys: Map<string, KeyPair>;
  requests: StsRequest[];
  mode: StsMode;
  slowMs: number;
  throttled: number;
  skewMs: number;
  /** The number of open calls, now and at most, by role session name; the name `''` counts all. */
  open: Map<string, { now: number; peak: number }>;
}

const bodyLimit = 64 * 1024;
/** The key pair of AWS's own documentation: public, and useless elsewhere. */
const exampleKeys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

/**
 * STS for development and tests: `AssumeRole`, its signature verified with AWS's own signer, and
 * `AssumeRoleWithWebIdentity` for any token.
 *
 * Credentials that it returns can sign calls to it; they open nothing else. It has no roles or trust policies: every
 * role can be assumed.
 * @see AWS STS API Reference
 */
export async function startSts(options: StsOptions = {}): Promise<StsServer> {
  const { port = 0, host = '127.0.0.1', region = 'eu-central-1', ...pair } = options;
  const keys = { ...exampleKeys, ...pair };
  const state: State = {
    region,
    keys: new Map([[keys.accessKeyId, keys]]),
    requests: [],
    mode: 'success',
    slowMs: 0,
    throttled: 0,
    skewMs: 0,
    open: new Map(),
  };
  const server = createServer((request, response) => {
    response.setHeader('date', new Date(Date.now() + state.skewMs).toUTCString());
    answer(state, request, response).catch(() => response.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening');
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;

  return {
    url,
    environment: {
      AWS_ENDPOINT_URL_STS: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    },
    requests: () => [...state.requests],
    mode(mode, slowMs = 0) {
      state.mode = mode;
      state.slowMs = slowMs;
    },
    skew(milliseconds) {
      state.skewMs = milliseconds;
    },
    rotate(pair) {
      state.keys.clear();
      state.keys.set(pair.accessKeyId, pair);
    },
    throttleNext(calls) {
      state.throttled = calls;
    },
    concurrentPeak: (sessionName = '') => state.open.get(sessionName)?.peak ?? 0,
    async stop() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  try {
    if (new URLSearchParams(body.toString('utf8')).get('Action') === 'GetCallerIdentity')
      return await answerIdentity(state, request, { body, response });
    const call = await identify(state, request, body);
    const release = countOpen(state.open, ['', call.sessionName]);
    response.once('close', release);
    await answerCall(state, call, response);
  } catch (error) {
    if (!(error instanceof StsError)) throw error;
    send(response, error.status, errorXml(error));
  }
}

/** Every valid signature may ask this, whatever the mode; `hang` answers nothing. */
async function answerIdentity(
  state: State,
  request: IncomingMessage,
  { body, response }: { readonly body: Buffer; readonly response: ServerResponse },
): Promise<void> {
  await signerOf(state, request, body);
  if (state.mode !== 'hang') send(response, 200, identityXml());
}

/** @throws StsError when the signature is wrong. */
function signerOf(state: State, request: IncomingMessage, body: Buffer): Promise<string> {
  const headers = Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values = []]) => [name, values.join(',')]),
  );
  const signed = { method: request.method ?? '', target: request.url ?? '/', headers, body };
  const clock = { region: state.region, now: Date.now() + state.skewMs };
  return verifySignature(signed, clock, (id) => state.keys.get(id));
}

/** The caller and the purpose of a call, as `requests` records them. */
async function identify(state: State, request: IncomingMessage, body: Buffer): Promise<StsRequest> {
  if (request.method !== 'POST')
    throw new StsError(405, 'MethodNotAllowed', 'This endpoint takes POST only.');
  const form = new URLSearchParams(body.toString('utf8'));
  const unsigned = form.get('Action') === 'AssumeRoleWithWebIdentity';
  const accessKeyId = unsigned ? '' : await signerOf(state, request, body);
  const chained = state.keys.get(accessKeyId)?.sessionToken !== undefined;
  const noted: StsRequest = { ...readCall(form, chained), accessKeyId, answered: 'none' };
  state.requests.push(noted);
  return noted;
}

async function answerCall(state: State, call: StsRequest, response: ServerResponse): Promise<void> {
  const refuse = (error: StsError): never => {
    call.answered = error.code;
    throw error;
  };
  if (state.throttled > 0) {
    state.throttled--;
    refuse(new StsError(400, 'Throttling', 'Rate exceeded'));
  }
  const { mode, slowMs } = state;
  if (mode === 'hang') return;
  if (mode === 'Throttling') refuse(new StsError(400, 'Throttling', 'Rate exceeded'));
  if (mode === '500') refuse(new StsError(500, 'InternalFailure', 'The request processing has failed.'));
  if (mode === 'AccessDenied') {
    refuse(new StsError(403, 'AccessDenied', `Not authorized to perform: sts:AssumeRole on ${call.roleArn}`));
  }
  if (mode === 'slow') await closedOrLater(response, slowMs);
  if (response.destroyed) return;

  const issued = issue(call.durationSeconds, Date.now() + state.skewMs);
  state.keys.set(issued.keys.accessKeyId, issued.keys);
  call.issued = issued;
  call.answered = mode === 'slow' ? 'success' : mode;
  send(response, 200, successText(mode, call, issued));
}

function successText(mode: StsMode, call: AssumeRoleCall, issued: Issued): string {
  const xml = successXml(call, issued);
  if (mode === 'malformed') return xml.slice(0, xml.indexOf('</SecretAccessKey>'));
  if (mode === 'incomplete') return xml.replace(/<SecretAccessKey>.*<\/SecretAccessKey>/, '');
  return xml;
}

function send(response: ServerResponse, status: number, xml: string): void {
  response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
}

/** @returns ends the count, once. */
function countOpen(open: State['open'], names: string[]): () => void {
  const counts = names.map((name) => {
    const count = open.get(name) ?? { now: 0, peak: 0 };
    open.set(name, count);
    count.now++;
    count.peak = Math.max(count.peak, count.now);
    return count;
  });
  return () => {
    for (const count of counts) count.now--;
  };
}

async function closedOrLater(response: ServerResponse, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > bodyLimit) throw new Error('body too long');
  }
  return Buffer.concat(chunks);
}
