import { fieldPatterns, hasTokenLevel, patternOverlaps, patternProblem } from '../protocol/topic-patterns.ts';
import { certificateProblems, type ReadSettings } from './certificates.ts';
import { characterProblems } from './characters.ts';

/** The values that were given, by the names of the settings. */
type Given = Readonly<Record<string, string>>;

/**
 * Problems of settings that are right each, and not together; of characters that are wrong in nearly all of them; and of
 * certificates.
 * @param read - the settings that are right each.
 */
export function problemsTogether(given: Given, read: ReadSettings, nodeEnv: string | undefined): string[] {
  return [
    ...characterProblems(given),
    ...missingTogether(given),
    ...withoutPassword(given),
    ...onlyForQa(given, nodeEnv),
    ...overlapping(given),
    ...topicsTogether(given),
    ...certificateProblems(read),
  ];
}

/** Problems of settings that another setting requires. */
function missingTogether(given: Given): string[] {
  const needed = [
    { by: 'SMTP_URL', names: ['MAIL_FROM', 'VERIFY_SECRET'] },
    { by: 'AWS_ROLE_ARN', names: ['AWS_REGION'] },
    ...['MQTT', 'REDIS', 'SMTP'].flatMap((server) => [
      { by: `${server}_CERT`, names: [`${server}_KEY`] },
      { by: `${server}_KEY`, names: [`${server}_CERT`] },
    ]),
  ];
  return needed.flatMap(({ by, names }) =>
    by in given
      ? names.filter((name) => !(name in given)).map((name) => `${name} is not set; ${by} needs it`)
      : [],
  );
}

/**
 * A user name without a password. Brokers and mail servers refuse it without saying what is missing, and the client of Redis
 * would log in as another user.
 */
function withoutPassword({ MQTT_USERNAME, MQTT_PASSWORD, REDIS_URL = '', SMTP_URL = '' }: Given): string[] {
  const isHalf = (url: string): boolean => /^[^:]+:\/\/[^:@/?]+:?@/.test(url.trim());
  return [
    ...(MQTT_USERNAME !== undefined && MQTT_PASSWORD === undefined
      ? ['MQTT_PASSWORD is not set; MQTT_USERNAME needs it']
      : []),
    ...(REDIS_URL.split(',').some(isHalf) ? ['REDIS_URL has a user name without a password'] : []),
    ...(isHalf(SMTP_URL) ? ['SMTP_URL has a user name without a password'] : []),
  ];
}

/** A worker is no service, and no service is a worker. */
function overlapping({
  SERVICE_CLIENTS: services,
  MQTT_WORKER_PREFIX: workers = 'profile-',
}: Given): string[] {
  if (services === undefined || !(services.startsWith(workers) || workers.startsWith(services))) return [];
  return ['SERVICE_CLIENTS and MQTT_WORKER_PREFIX name the same clients'];
}

const topicNames = {
  request: 'REQUEST_TOPIC',
  answer: 'ANSWER_TOPIC',
  notice: 'NOTICE_TOPIC',
  qa: 'qa/# (the QA mirror)',
};

/** Patterns that are wrong by themselves have a line already. */
function topicsTogether({
  REQUEST_TOPIC: request = fieldPatterns.request,
  ANSWER_TOPIC: answer = fieldPatterns.answer,
  NOTICE_TOPIC: notice = fieldPatterns.notice,
  CLIENT_IDENTITY: identity,
}: Given): string[] {
  const patterns = { request, answer, notice };
  const all = [['request', request] as const, ['answer', answer] as const, ['notice', notice] as const];
  if (all.some(([of, pattern]) => patternProblem(of, pattern) !== undefined)) return [];
  const overlaps = patternOverlaps(patterns).map(
    ([one, other]) => `${topicNames[one]} and ${topicNames[other]} name the same topics`,
  );
  const isTokenless = identity === 'token' && !hasTokenLevel(request);
  return isTokenless
    ? [...overlaps, 'CLIENT_IDENTITY is token, which needs a level :token in REQUEST_TOPIC']
    : overlaps;
}

/** The QA settings show requests to every broker user. A missing or misspelt NODE_ENV counts as production. */
function onlyForQa(given: Given, nodeEnv: string | undefined): string[] {
  if (nodeEnv === 'development' || nodeEnv === 'test') return [];
  return ['QA_TEXT', 'QA_MIRROR']
    .filter((name) => given[name] === 'on')
    .map((name) => `${name} is on, which needs NODE_ENV=development or NODE_ENV=test`);
}
