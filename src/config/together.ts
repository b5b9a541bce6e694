/** The values that were given, by the names of the settings. */
type Given = Readonly<Record<string, string>>;

/** Problems of settings that are right each, and not together. */
export function problemsTogether(given: Given, nodeEnv: string | undefined): string[] {
  return [...missingTogether(given), ...onlyForQa(given, nodeEnv), ...overlapping(given)];
}

/** Problems of settings that another setting requires. */
function missingTogether(given: Given): string[] {
  const needed = [
    { by: 'SMTP_URL', names: ['MAIL_FROM', 'VERIFY_SECRET'] },
    { by: 'AWS_ROLE_ARN', names: ['AWS_REGION'] },
  ];
  return needed.flatMap(({ by, names }) =>
    by in given
      ? names.filter((name) => !(name in given)).map((name) => `${name} is not set; ${by} needs it`)
      : [],
  );
}

/** A worker is no service, and no service is a worker. */
function overlapping({
  SERVICE_CLIENTS: services,
  MQTT_WORKER_PREFIX: workers = 'profile-',
}: Given): string[] {
  if (services === undefined || !(services.startsWith(workers) || workers.startsWith(services))) return [];
  return ['SERVICE_CLIENTS and MQTT_WORKER_PREFIX name the same clients'];
}

/** The QA settings show requests to every broker user. A missing or misspelt NODE_ENV counts as production. */
function onlyForQa(given: Given, nodeEnv: string | undefined): string[] {
  if (nodeEnv === 'development' || nodeEnv === 'test') return [];
  return ['QA_TEXT', 'QA_MIRROR']
    .filter((name) => given[name] === 'on')
    .map((name) => `${name} is on, which needs NODE_ENV=development or NODE_ENV=test`);
}
