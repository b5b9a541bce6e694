/** The placeholder for the phone's digits in a session policy, a source identity or a tag value. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder as an operator writes it.
export const phonePlaceholder = '${phone}';

/** STS counts the plain text of an inline session policy in characters. AWS STS API, AssumeRole, Policy */
const policyLimit = 2048;
/** The longest phone: fifteen digits, as in E.164. */
const maxPhone = '9'.repeat(15);
// Tab, line feed, carriage return, and U+0020 to U+00FF. AWS STS API, AssumeRole, Policy
const policyCharacters = /^[\t\n\r\u0020-\u00FF]+$/;

/** @param phone - digits only, so that it cannot change the meaning of the text around it. */
export function fillPhone(template: string, phone: string): string {
  return template.replaceAll(phonePlaceholder, phone);
}

/** The template with the longest phone; if it fits, it fits for every phone. */
export function fillLongestPhone(template: string): string {
  return fillPhone(template, maxPhone);
}

/**
 * The problem of a session policy template, in words that do not quote it.
 *
 * The template itself must be JSON, so that the placeholder stands inside a string and cannot form a value.
 * @returns one line, or `undefined` if STS accepts it for every phone.
 * @see AWS STS API, AssumeRole, Policy
 */
export function sessionPolicyProblem(template: string): string | undefined {
  let policy: unknown;
  try {
    policy = JSON.parse(template);
  } catch {
    return 'the session policy is not JSON';
  }
  if (typeof policy !== 'object' || policy === null || !('Statement' in policy)) {
    return 'the session policy has no Statement';
  }
  if (!policyCharacters.test(template)) return 'the session policy has characters beyond U+00FF';
  if (fillLongestPhone(template).length > policyLimit) {
    return `the session policy is longer than ${policyLimit} characters once the phone is filled in`;
  }
  return undefined;
}
