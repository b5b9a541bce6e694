import { type Settings, settingNames } from './settings.ts';
import { describeUnknown, unknownSettings } from './unknown.ts';
import { version } from './version.ts';

/** The part of a logger that is used; pino's loggers fit. */
export interface StartLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Log the first lines of a start: the version, and what is noteworthy in the settings. */
export function announce(settings: Settings, env: NodeJS.ProcessEnv, log: StartLog): void {
  log.info({ version, node: process.version, clientId: settings.mqtt.clientId }, 'starting');
  const unknown = unknownSettings(env, settingNames);
  if (unknown.length > 0) log.warn({ names: unknown.map(({ name }) => name) }, describeUnknown(unknown));
  announceClientIds(settings, log);
}

/** Without the prefix, a phone could sign in under the worker's client id and take over its session. */
function announceClientIds({ mqtt: { clientId, workerPrefix }, servicePrefix }: Settings, log: StartLog) {
  if (servicePrefix !== undefined)
    log.info({ servicePrefix }, 'clients with this prefix may ask for every phone (SERVICE_CLIENTS)');
  if (clientId.startsWith(workerPrefix)) return;
  const message =
    'MQTT_CLIENT_ID does not begin with MQTT_WORKER_PREFIX: nothing keeps this client id from a phone';
  log.warn({ clientId, workerPrefix }, message);
}
