import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  fillPhone,
  phonePlaceholder,
  sessionPolicyProblem,
} from '../../../../src/services/sts/session-policy.ts';
import { type StsSettings, stsProblems } from '../../../../src/services/sts/settings.ts';

const settings: StsSettings = {
  region: 'eu-central-1',
  roleArn: 'arn:aws:iam::123456789012:role/phones/upload',
  durationSeconds: 3600,
  deadlineMs: 10_000,
};
const policy = (resource: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: resource }],
  });

const accepted: [what: string, change: Partial<StsSettings>][] = [
  ['the least settings', {}],
  ['the shortest duration', { durationSeconds: 900 }],
  ['the longest duration', { durationSeconds: 43_200 }],
  [
    'a policy with the phone and with variables of IAM',
    { sessionPolicy: policy(`b/${phonePlaceholder}/\${aws:userid}/*`) },
  ],
  ['a policy on several lines', { sessionPolicy: '{\n\t"Statement": []\r\n}' }],
  ['a policy of exactly 2,048 characters', { sessionPolicy: policyOfLength(2048) }],
  ['a prefix of the session name', { sessionNamePrefix: 'profile@' }],
  ['a source identity with the phone', { sourceIdentity: `p-${phonePlaceholder}` }],
  ['an external id', { externalId: 'partner:1/a' }],
  [
    'session tags, one of them transitive',
    { tags: { phone: phonePlaceholder, app: '' }, transitiveTagKeys: ['phone'] },
  ],
];
for (const [what, change] of accepted) {
  test(`${what}: nothing is wrong`, () => assert.deepEqual(stsProblems({ ...settings, ...change }), []));
}

const refused: [what: string, change: Partial<StsSettings>, problem: RegExp][] = [
  ['no region', { region: '' }, /region/],
  ['the ARN of a user', { roleArn: 'arn:aws:iam::123456789012:user/me' }, /ARN of an IAM role/],
  ['a duration of 899 s', { durationSeconds: 899 }, /duration/],
  ['a duration of 43,201 s', { durationSeconds: 43_201 }, /duration/],
  ['a duration with a fraction', { durationSeconds: 900.5 }, /duration/],
  ['a deadline of nothing', { deadlineMs: 0 }, /deadline/],
  ['a policy that is not JSON', { sessionPolicy: 'Allow' }, /not JSON/],
  ['the phone outside of a string', { sessionPolicy: `{"Statement":[${phonePlaceholder}]}` }, /not JSON/],
  ['a policy without a Statement', { sessionPolicy: '{"Version":"2012-10-17"}' }, /no Statement/],
  ['a policy that is a list', { sessionPolicy: '[]' }, /no Statement/],
  ['a policy with a letter beyond U+00FF', { sessionPolicy: policy('телефон') }, /U\+00FF/],
  ['a policy of 2,049 characters', { sessionPolicy: policyOfLength(2049) }, /longer than 2048/],
  ['a space in the prefix of the session name', { sessionNamePrefix: 'a b' }, /session name/],
  ['a prefix too long with the longest phone', { sessionNamePrefix: 'a'.repeat(50) }, /session name/],
  ['an external id of one character', { externalId: 'a' }, /external id/],
  ['a colon in the source identity', { sourceIdentity: 'aws:me' }, /source identity/],
  [
    '51 tags',
    { tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, 'v'])) },
    /more than 50/,
  ],
  ['a tag key that belongs to AWS', { tags: { 'aws:x': 'v' } }, /tag has a key/],
  ['two tag keys that differ by case', { tags: { Phone: 'v', phone: 'v' } }, /same key/],
  ['a tag value with a newline', { tags: { phone: 'a\nb' } }, /tag has a value/],
  ['a transitive key that is no tag', { transitiveTagKeys: ['phone'] }, /transitive/],
];
for (const [what, change, problem] of refused) {
  test(`${what}: reported as one problem`, () => {
    const problems = stsProblems({ ...settings, ...change });
    assert.equal(problems.length, 1, problems.join('; '));
    assert.match(problems.join(), problem);
  });
}

test('all problems are reported at once', () => {
  assert.equal(stsProblems({ ...settings, region: '', durationSeconds: 0, sessionPolicy: '{' }).length, 3);
});

test('whatever the policy says, a filled-in phone changes its strings and nothing of its structure', () => {
  const phone = fc.stringMatching(/^\d{5,15}$/);
  const text = fc.array(fc.oneof(fc.string(), fc.constant(phonePlaceholder))).map((parts) => parts.join(''));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.integer(),
      fc.array(tie('value')),
      fc.dictionary(text, tie('value')),
    ),
  }));
  fc.assert(
    fc.property(value, phone, (document, digits) => {
      const filled: unknown = JSON.parse(fillPhone(JSON.stringify(document), digits));
      assert.deepEqual(
        filled,
        mapStrings(document, (string) => string.split(phonePlaceholder).join(digits)),
      );
    }),
  );
});

/** A policy that is `length` characters long once the longest phone, fifteen digits, stands in it. */
function policyOfLength(length: number): string {
  const empty = policy(phonePlaceholder);
  const grown = 15 - phonePlaceholder.length;
  const filled = policy(phonePlaceholder + '*'.repeat(length - empty.length - grown));
  assert.equal(sessionPolicyProblem(empty), undefined);
  return filled;
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [change(key), mapStrings(item, change)]),
  );
}
