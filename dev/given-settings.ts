import { settingNames } from '../src/config/settings.ts';

export type Settings = Readonly<Record<string, string>>;

/** They belong to the servers and clients here, as those do that the system sets. */
const decidedHere: ReadonlySet<string> = new Set([
  ...['MQTT_USERNAME', 'MQTT_PASSWORD', 'MQTT_CA', 'MQTT_CERT', 'MQTT_KEY'],
  ...['MQTT_CLIENT_ID', 'MQTT_WORKER_PREFIX', 'MQTT_DYNAMIC_SECURITY', 'CLIENT_IDENTITY'],
  ...['REDIS_CA', 'REDIS_CERT', 'REDIS_KEY', 'REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'],
  ...['REDIS_KEY_PREFIX', 'SMTP_CA', 'SMTP_CERT', 'SMTP_KEY', 'SMTP_REQUIRE_TLS', 'HTTP_PORT'],
]);

/**
 * What the environment gives a worker of this system.
 * @param own - what the system sets itself.
 * @returns the settings to take, and the names of those that have another value here.
 */
export function givenSettings(
  environment: NodeJS.ProcessEnv,
  own: Settings,
): { readonly taken: Settings; readonly left: readonly string[] } {
  const taken: Record<string, string> = {};
  const left: string[] = [];
  for (const setting of settingNames) {
    for (const name of [setting, `${setting}_FILE`]) {
      const value = environment[name];
      if (value === undefined || value === '' || value === own[name]) continue;
      if (setting in own || decidedHere.has(setting)) left.push(name);
      else taken[name] = value;
    }
  }
  return { taken, left };
}
