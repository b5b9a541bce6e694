/**
 * Which server programs are started: those of the PATH, or the ones whose paths `MOSQUITTO` and `REDIS` hold. What a
 * broker installs beside its program, such as headers and plugins, is looked for below the same folder.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The broker: a name in the PATH, or an absolute path. */
export const mosquitto = named('MOSQUITTO', 'mosquitto');

/** Redis or Valkey: a name in the PATH, or an absolute path. */
export const redisServer = named('REDIS', 'redis-server');

/** The servers run in folders of their own, so a relative path is made absolute here. */
function named(variable: string, preset: string): string {
  const name = process.env[variable] || preset;
  return name.includes('/') ? resolve(name) : name;
}

/** `/usr` for `/usr/sbin/mosquitto`. Undefined when the PATH has the broker. */
export const mosquittoPrefix = mosquitto.includes('/') ? dirname(dirname(mosquitto)) : undefined;

/** The folder of the headers that came with the broker. Undefined where the compiler finds them itself. */
export const mosquittoHeaders =
  mosquittoPrefix === undefined || mosquittoPrefix === '/usr'
    ? undefined
    : [join(mosquittoPrefix, 'include')].find((folder) => existsSync(join(folder, 'mosquitto_broker.h')));

/**
 * Finds a plugin that Mosquitto itself installs.
 * @param file - such as `mosquitto_dynamic_security.so`.
 * @throws Error where it is missing.
 */
export function mosquittoPlugin(file: string): string {
  const prefixes =
    mosquittoPrefix === undefined ? ['/usr', '/opt/homebrew', '/usr/local'] : [mosquittoPrefix];
  const folders = prefixes.map((prefix) => join(prefix, 'lib')).filter((folder) => existsSync(folder));
  const below = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(folder, name)),
  );
  // Debian's 2.1 has some of them in a folder of their own.
  const candidates = [...below, ...folders].flatMap((folder) => [folder, join(folder, 'mosquitto')]);
  const found = candidates.map((folder) => join(folder, file)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${file} is not below ${prefixes.join(', ')}`);
  return realpathSync(found);
}
