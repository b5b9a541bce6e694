import { StsError } from './sts-error.ts';

/** The parameters of `AssumeRole` or `AssumeRoleWithWebIdentity`, checked. */
export interface AssumeRoleCall {
  action: 'AssumeRole' | 'AssumeRoleWithWebIdentity';
  roleArn: string;
  sessionName: string;
  durationSeconds: number;
  policy?: string;
  externalId?: string;
  sourceIdentity?: string;
  tags: Record<string, string>;
  transitiveTagKeys: string[];
  webIdentityToken?: string;
}

const forms = {
  RoleArn: /^arn:[\w-]+:iam::\d{12}:role\/[\u0021-\u007E]{1,512}$/,
  RoleSessionName: /^[\w+=,.@-]{2,64}$/,
  DurationSeconds: /^\d{1,6}$/,
  ExternalId: /^[\w+=,.@:/-]{2,1224}$/,
  SourceIdentity: /^[\w+=,.@-]{2,64}$/,
  Policy: /^[\t\n\r\u0020-\u00FF]{1,2048}$/,
  WebIdentityToken: /^[\u0021-\u007E]{4,20000}\s*$/,
} as const;
const tagKey = /^[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$/u;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u;
const tagLimit = 50;
const durationSecondsRange = [900, 43_200] as const;
const chainedDurationSecondsLimit = 3_600;

type Parameter = keyof typeof forms;

/**
 * @param chained - whether the caller's own credentials are a role's; STS then allows one hour at most.
 * @throws StsError `ValidationError`, `MalformedPolicyDocument` or `InvalidParameterValue`.
 * @see AWS STS API, AssumeRole and AssumeRoleWithWebIdentity, Request Parameters and Errors
 */
export function readCall(form: URLSearchParams, chained: boolean): AssumeRoleCall {
  const read = (parameter: Parameter): string | undefined => {
    const value = form.get(parameter) ?? undefined;
    if (value !== undefined && !forms[parameter].test(value))
      throw invalid(parameter, 'satisfy its constraint');
    return value;
  };
  const need = (parameter: Parameter): string => {
    const value = read(parameter);
    if (value === undefined) throw invalid(parameter, 'not be null');
    return value;
  };
  const action = form.get('Action');
  if (action !== 'AssumeRole' && action !== 'AssumeRoleWithWebIdentity') {
    throw new StsError(400, 'InvalidAction', 'Could not find operation for version 2011-06-15');
  }

  const [policy, externalId, sourceIdentity] = [read('Policy'), read('ExternalId'), read('SourceIdentity')];
  if (policy !== undefined) checkPolicy(policy);
  return {
    action,
    roleArn: need('RoleArn'),
    sessionName: need('RoleSessionName'),
    durationSeconds: checkDuration(Number(read('DurationSeconds') ?? '3600'), chained),
    ...(policy !== undefined && { policy }),
    ...(externalId !== undefined && { externalId }),
    ...(sourceIdentity !== undefined && { sourceIdentity }),
    ...readTags(form),
    ...(action === 'AssumeRoleWithWebIdentity' && { webIdentityToken: need('WebIdentityToken') }),
  };
}

function checkDuration(seconds: number, chained: boolean): number {
  const [min, max] = durationSecondsRange;
  if (seconds < min || seconds > max) throw invalid('DurationSeconds', `be from ${min} to ${max}`);
  if (chained && seconds > chainedDurationSecondsLimit) {
    throw new StsError(
      400,
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    );
  }
  return seconds;
}

function checkPolicy(policy: string): void {
  let document: unknown;
  try {
    document = JSON.parse(policy);
  } catch {
    document = undefined;
  }
  if (typeof document !== 'object' || document === null || !('Statement' in document)) {
    throw new StsError(400, 'MalformedPolicyDocument', 'Syntax errors in policy.');
  }
  if ('Version' in document && document.Version !== '2012-10-17' && document.Version !== '2008-10-17') {
    throw new StsError(
      400,
      'MalformedPolicyDocument',
      'Policy document must be version 2012-10-17 or greater.',
    );
  }
}

function readTags(form: URLSearchParams): Pick<AssumeRoleCall, 'tags' | 'transitiveTagKeys'> {
  const tags: Record<string, string> = {};
  for (let at = 1; form.has(`Tags.member.${at}.Key`); at++) {
    const key = form.get(`Tags.member.${at}.Key`) ?? '';
    const value = form.get(`Tags.member.${at}.Value`) ?? '';
    if (!tagKey.test(key) || !tagValue.test(value) || at > tagLimit)
      throw invalid('Tags', 'satisfy its constraint');
    if (Object.keys(tags).some((other) => other.toLowerCase() === key.toLowerCase())) {
      throw new StsError(400, 'InvalidParameterValue', 'Duplicate tag keys found.');
    }
    tags[key] = value;
  }
  const transitiveTagKeys: string[] = [];
  for (let at = 1; form.has(`TransitiveTagKeys.member.${at}`); at++) {
    transitiveTagKeys.push(form.get(`TransitiveTagKeys.member.${at}`) ?? '');
  }
  return { tags, transitiveTagKeys };
}

function invalid(parameter: string, must: string): StsError {
  const field = parameter.charAt(0).toLowerCase() + parameter.slice(1);
  return new StsError(
    400,
    'ValidationError',
    `1 validation error detected: Value at '${field}' failed to satisfy constraint: Member must ${must}`,
  );
}
