import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Call back when files below a folder have changed, once for those that change together.
 *
 * The files are looked at again and again: `fs.watch` loses a file in Node 20 when an editor puts a new one in its place.
 * @param isWatched - which files count, by their path from the folder on.
 * @returns ends the watch.
 */
export function watchFiles(
  folder: string,
  isWatched: (path: string) => boolean,
  onChange: () => void,
): () => void {
  const end = new AbortController();
  void watchUntil(end.signal, () => fingerprint(folder, isWatched), onChange);
  return () => end.abort();
}

const pauseMs = 250;

/** A change is told when the files are still for one pause. */
async function watchUntil(
  end: AbortSignal,
  look: () => Promise<string>,
  onChange: () => void,
): Promise<void> {
  let told = await look();
  let before = told;
  while (!end.aborted) {
    await delay(pauseMs, undefined, { signal: end }).catch(() => undefined);
    if (end.aborted) return;
    const now = await look();
    if (now === before && now !== told) {
      told = now;
      onChange();
    }
    before = now;
  }
}

async function fingerprint(folder: string, isWatched: (path: string) => boolean): Promise<string> {
  const paths = await readdir(folder, { recursive: true }).catch(() => []);
  const marks = paths.filter(isWatched).map(async (path) => {
    // A file may be gone by now.
    const found = await stat(join(folder, path)).catch(() => undefined);
    return found?.isFile() ? `${path} ${found.mtimeMs} ${found.size} ${found.ino}` : '';
  });
  return (await Promise.all(marks)).join('\n');
}
