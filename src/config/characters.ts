/** Values of any characters: secrets, and PEM texts, which a reader of their own checks. */
const free = /PASSWORD$|^VERIFY_SECRET$|_(?:CA|CERT|KEY)$/;

/** They may stand on several lines. */
const ofLines: ReadonlySet<string> = new Set(['AWS_SESSION_POLICY', 'MQTT_URL', 'REDIS_URL']);

const names: Readonly<Record<string, string>> = {
  '\t': 'a tab',
  '\n': 'a line feed',
  '\r': 'a carriage return (CR): the file has the line ends of Windows',
};

/**
 * Characters that came with a value by mistake. A shell takes quotes off; `docker run --env-file` keeps them, and keeps white space
 * and the CR of a line end.
 */
export function characterProblems(given: Readonly<Record<string, string>>): string[] {
  const problems = Object.entries(given).flatMap(([name, value]) => {
    const problem = free.test(name) ? undefined : problemOf(value, ofLines.has(name));
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
  if (/^\[.*\]$/.test(given.HTTP_HOST ?? ''))
    problems.push('HTTP_HOST stands in brackets, which belong to an IPv6 address in a URL: leave them out');
  return problems;
}

function problemOf(value: string, hasLines: boolean): string | undefined {
  const text = hasLines ? value.trim() : value;
  if (/^(["'])(?:(?!\1).)*\1$/s.test(text) && text.length > 1)
    return `stands in quotes (${text[0]}), which are taken for a part of it: leave them out`;
  if (hasLines) return undefined;
  const control = /\p{Cc}/u.exec(value)?.[0];
  if (control !== undefined) return `has ${names[control] ?? 'a control character'}`;
  return value === value.trim() ? undefined : 'begins or ends with white space';
}
