import { createHash, timingSafeEqual } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { StsError } from './sts-error.ts';

export interface KeyPair {
  accessKeyId: string;
  secretAccessKey: string;
  /** Only temporary credentials have one; it must come with the signature. */
  sessionToken?: string;
}

/** An HTTP request as it arrived. */
export interface SignedRequest {
  method: string;
  /** Path and query, as in the request line. */
  target: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

const maxSkewMs = 5 * 60_000;
const authorizationForm =
  /^AWS4-HMAC-SHA256 Credential=([^/\s]+)\/(\d{8})\/([^/\s]+)\/([^/\s]+)\/aws4_request, ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/;

/**
 * Checks a Signature Version 4 by signing the request again with AWS's own signer.
 * @param now - the time by the clock of STS.
 * @param find - returns the key pair of an access key id, if there is one.
 * @returns the access key id that signed.
 * @throws StsError as AWS answers: `MissingAuthenticationToken`, `InvalidClientTokenId`, `IncompleteSignature`,
 *   `SignatureDoesNotMatch` (also for a clock more than 5 minutes off, another region or another service).
 * @see AWS IAM User Guide, "Signature Version 4 for API requests"
 */
export async function verifySignature(
  request: SignedRequest,
  { region, now }: { region: string; now: number },
  find: (accessKeyId: string) => KeyPair | undefined,
): Promise<string> {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    throw new StsError(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token');
  }
  const parts = authorizationForm.exec(authorization);
  const signedAt = readAmzDate(request.headers['x-amz-date']);
  if (parts === null || signedAt === undefined) {
    throw new StsError(403, 'IncompleteSignature', 'Authorization header or X-Amz-Date is not complete.');
  }
  const [, accessKeyId = '', day = '', scopeRegion = '', service = '', headerList = '', signature = ''] =
    parts;

  if (scopeRegion !== region) throw mismatch('Credential should be scoped to a valid region.');
  if (service !== 'sts') throw mismatch("Credential should be scoped to correct service: 'sts'.");
  if (day !== request.headers['x-amz-date']?.slice(0, 8))
    throw mismatch('Date in Credential scope is another.');
  if (signedAt < now - maxSkewMs) throw mismatch('Signature expired.');
  if (signedAt > now + maxSkewMs) throw mismatch('Signature not yet current.');

  const keys = find(accessKeyId);
  if (keys === undefined || keys.sessionToken !== request.headers['x-amz-security-token']) {
    throw new StsError(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.');
  }
  const names = new Set(headerList.split(';'));
  const required = [
    'host',
    'x-amz-date',
    ...(keys.sessionToken === undefined ? [] : ['x-amz-security-token']),
  ];
  if (!required.every((name) => names.has(name))) throw mismatch('A header that must be signed is not.');

  const expected = await sign(request, names, { keys, region, signedAt });
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) {
    throw mismatch('The request signature we calculated does not match the signature you provided.');
  }
  return accessKeyId;
}

async function sign(
  request: SignedRequest,
  names: Set<string>,
  { keys, region, signedAt }: { keys: KeyPair; region: string; signedAt: number },
): Promise<string> {
  const signer = new SignatureV4({
    service: 'sts',
    region,
    credentials: keys,
    sha256: Sha256,
    applyChecksum: false,
  });
  const { pathname, searchParams } = new URL(request.target, 'http://host');
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => names.has(name)));
  // The signer trusts this header. A body that was changed on the way is only detected if it is hashed here.
  if (names.has('x-amz-content-sha256')) {
    headers['x-amz-content-sha256'] = createHash('sha256').update(request.body).digest('hex');
  }
  const signed = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: 'host',
      path: pathname,
      query: Object.fromEntries([...searchParams.keys()].map((key) => [key, searchParams.getAll(key)])),
      headers,
      body: request.body,
    },
    { signingDate: new Date(signedAt), signableHeaders: names },
  );
  return signed.headers.authorization?.match(/Signature=([0-9a-f]{64})$/)?.[1] ?? '';
}

/** Parses `20260731T235959Z` to Unix milliseconds. */
function readAmzDate(text = ''): number | undefined {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const time = iso === text ? Number.NaN : Date.parse(iso);
  return Number.isNaN(time) ? undefined : time;
}

function mismatch(message: string): StsError {
  return new StsError(403, 'SignatureDoesNotMatch', message);
}
