import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { escapeXml, namespace } from './sts-error.ts';
import type { AssumeRoleCall } from './sts-parameters.ts';
import type { KeyPair } from './sts-signature.ts';

export interface Issued {
  keys: Required<KeyPair>;
  /** Unix milliseconds, whole seconds, as STS gives them. */
  expiration: number;
}

const idAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * Makes random credentials of the form and about the length that STS uses: a token of some hundred characters of
 * base64.
 * @param now - the time by the clock of STS.
 */
export function issue(durationSeconds: number, now: number): Issued {
  return {
    keys: {
      accessKeyId: `ASIA${randomId(16)}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(480).toString('base64'),
    },
    expiration: (Math.floor(now / 1000) + durationSeconds) * 1000,
  };
}

/** @see AWS STS API, AssumeRole, Sample Response */
export function successXml(call: AssumeRoleCall, { keys, expiration }: Issued): string {
  const [, account = '', role = ''] =
    /^arn:[\w-]+:iam::(\d{12}):role\/(?:.*\/)?(.+)$/.exec(call.roleArn) ?? [];
  const packedPolicySize =
    call.policy === undefined
      ? ''
      : `<PackedPolicySize>${Math.ceil(call.policy.length / 20.48)}</PackedPolicySize>`;
  const sourceIdentity =
    call.sourceIdentity === undefined
      ? ''
      : `<SourceIdentity>${escapeXml(call.sourceIdentity)}</SourceIdentity>`;
  return `<${call.action}Response xmlns="${namespace}">
  <${call.action}Result>
    ${sourceIdentity}
    <AssumedRoleUser>
      <AssumedRoleId>AROA${randomId(17)}:${escapeXml(call.sessionName)}</AssumedRoleId>
      <Arn>arn:aws:sts::${account}:assumed-role/${escapeXml(role)}/${escapeXml(call.sessionName)}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${keys.accessKeyId}</AccessKeyId>
      <SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey>
      <SessionToken>${keys.sessionToken}</SessionToken>
      <Expiration>${new Date(expiration).toISOString().replace('.000Z', 'Z')}</Expiration>
    </Credentials>
    ${packedPolicySize}
  </${call.action}Result>
  <ResponseMetadata>
    <RequestId>${randomUUID()}</RequestId>
  </ResponseMetadata>
</${call.action}Response>
`;
}

/** @see AWS STS API, GetCallerIdentity, Sample Response */
export function identityXml(): string {
  return `<GetCallerIdentityResponse xmlns="${namespace}">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/worker</Arn>
    <UserId>AIDA${randomId(17)}</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>${randomUUID()}</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`;
}

function randomId(length: number): string {
  return Array.from({ length }, () => idAlphabet[randomInt(idAlphabet.length)]).join('');
}
