import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Calls back when files below a folder have changed, once for files that change together.
 *
 * It polls the files: in Node 20 `fs.watch` loses a file when an editor replaces it.
 * @param isWatched - which files count, by their path in the folder.
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

/** Reports a change once the files stay unchanged for one interval. */
async function watchUntil(
  end: AbortSignal,
  look: () => Promise<string>,
  onChange: () => void,
): Promise<void> {
  let reported = await look();
  let before = reported;
  while (!end.aborted) {
    await delay(pauseMs, undefined, { signal: end }).catch(() => undefined);
    if (end.aborted) return;
    const now = await look();
    if (now === before && now !== reported) {
      reported = now;
      onChange();
    }
    before = now;
  }
}

async function fingerprint(folder: string, isWatched: (path: string) => boolean): Promise<string> {
  const paths = await readdir(folder, { recursive: true }).catch(() => []);
  const marks = paths.filter(isWatched).map(async (path) => {
    // The file may be deleted by now.
    const found = await stat(join(folder, path)).catch(() => undefined);
    return found?.isFile() ? `${path} ${found.mtimeMs} ${found.size} ${found.ino}` : '';
  });
  return (await Promise.all(marks)).join('\n');
}
