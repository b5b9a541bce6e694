/** Which program the system tests start as the worker. Decided here and nowhere else. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * What follows `node` on the command line: the built program, which `npm test` has just made; the sources where that is
 * missing or older than they are, so that a test run by hand never meets yesterday's worker.
 */
export const workerArguments: readonly string[] = isBuilt()
  ? [join(root, 'dist/main.js')]
  : ['--import', import.meta.resolve('tsx'), join(root, 'src/main.ts')];

function isBuilt(): boolean {
  const built = statSync(join(root, 'dist/main.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  return sources.every((file) => statSync(join(root, 'src', file)).mtimeMs <= built);
}
