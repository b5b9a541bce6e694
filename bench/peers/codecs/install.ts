import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Install the other codecs where only this benchmark and the interop test find them.
 * @returns whether they are there; without the registry they are not.
 */
export function installCodecs(progress: (text: string) => void = () => {}): boolean {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const isThere = () => existsSync(`${folder}node_modules/erlang_js`);
  if (isThere()) return true;
  progress('installing the other codecs');
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=silent'];
  spawnSync('npm', ['install', ...options], { cwd: folder, stdio: 'ignore', timeout: 180_000 });
  return isThere();
}
