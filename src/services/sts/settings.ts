import { fillLongestPhone, phonePlaceholder, sessionPolicyProblem } from './session-policy.ts';

export interface StsSettings {
  /** The region of STS, such as `eu-central-1`. */
  readonly region: string;
  /** The role whose credentials the phones get. */
  readonly roleArn: string;
  /** IAM policy in JSON that narrows the role. `${phone}` becomes the phone's digits; the result has at most 2,048 characters. */
  readonly sessionPolicy?: string;
  /** Validity of the credentials in seconds: 900 to 43,200; at most 3,600 if the worker's own credentials are of a role. */
  readonly durationSeconds: number;
  /** Prefix of the phone in the role session name; default none. */
  readonly sessionNamePrefix?: string;
  readonly externalId?: string;
  /** May hold `${phone}`. The role's trust policy must allow `sts:SetSourceIdentity`. */
  readonly sourceIdentity?: string;
  /** Session tags; values may hold `${phone}`. The role's trust policy must allow `sts:TagSession`. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Keys of `tags` that stay when the session assumes a further role. */
  readonly transitiveTagKeys?: readonly string[];
  /** Maximum time of an answer with all retries, in milliseconds. One attempt gets half of it. */
  readonly deadlineMs: number;
}

const name = /^[\w+=,.@-]{2,64}$/;
const externalId = /^[\w+=,.@:/-]{2,1224}$/;
const roleArn = /^arn:[\w-]+:iam::\d{12}:role\/[\u0021-\u007E]{1,512}$/;
const tagKey = /^[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$/u;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u;
const tagLimit = 50;

/**
 * All that STS would refuse for every phone. The start checks it, before the first client meets it.
 * @returns one line for each problem, without the values; empty if there is none.
 * @see AWS STS API, AssumeRole, Request Parameters
 */
export function stsProblems(settings: StsSettings): string[] {
  const { durationSeconds, deadlineMs, sessionPolicy, sourceIdentity } = settings;
  const policyProblem = sessionPolicy === undefined ? undefined : sessionPolicyProblem(sessionPolicy);
  const checks: [holds: boolean, problem: string][] = [
    [
      /^[a-z\d-]{1,63}$/.test(settings.region),
      'the AWS region is not of small letters, digits and hyphens, such as eu-central-1',
    ],
    [roleArn.test(settings.roleArn), 'the role is not the ARN of an IAM role'],
    [
      Number.isInteger(durationSeconds) && durationSeconds >= 900 && durationSeconds <= 43_200,
      'the duration of the credentials is not 900 to 43200 seconds',
    ],
    [Number.isInteger(deadlineMs) && deadlineMs > 0, 'the deadline for STS is not a positive integer'],
    [
      name.test(fillLongestPhone(sessionNameTemplate(settings))),
      'the role session name is not 2 to 64 of the characters that STS allows',
    ],
    [
      settings.externalId === undefined || externalId.test(settings.externalId),
      'the external id is not 2 to 1224 of the characters that STS allows',
    ],
    [
      sourceIdentity === undefined || name.test(fillLongestPhone(sourceIdentity)),
      'the source identity is not 2 to 64 of the characters that STS allows',
    ],
    [policyProblem === undefined, policyProblem ?? ''],
    ...tagChecks(settings),
  ];
  return checks.filter(([holds]) => !holds).map(([, problem]) => problem);
}

/** The role session name. It identifies the phone in CloudTrail and in `${aws:userid}` of policies. */
export function sessionNameTemplate({ sessionNamePrefix = '' }: StsSettings): string {
  return sessionNamePrefix + phonePlaceholder;
}

function tagChecks({ tags = {}, transitiveTagKeys = [] }: StsSettings): [boolean, string][] {
  const keys = Object.keys(tags);
  return [
    [keys.length <= tagLimit, `there are more than ${tagLimit} session tags`],
    [
      keys.every((key) => tagKey.test(key) && !/^aws:/i.test(key)),
      'a session tag has a key that STS does not allow',
    ],
    [
      new Set(keys.map((key) => key.toLowerCase())).size === keys.length,
      'two session tags have the same key but for upper and lower case',
    ],
    [
      Object.values(tags).every((value) => tagValue.test(fillLongestPhone(value))),
      'a session tag has a value that STS does not allow',
    ],
    [
      transitiveTagKeys.every((key) => keys.includes(key)),
      'a transitive tag key is not among the session tags',
    ],
  ];
}
