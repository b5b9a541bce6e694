/** An earlier version of the worker, to run beside this one. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What to compare with as long as no release is tagged: the first state in which all nine requests had their tests. */
const beforeReleases = '2bbbd1acebc7d0aa7ebfc0361aca316a4ea849f8';

const root = fileURLToPath(new URL('../../', import.meta.url));
const git = (...words: string[]) =>
  execFileSync('git', words, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 2 ** 20 });

export interface EarlierVersion {
  /** A tag or a commit. */
  readonly name: string;
  /** What follows `node` on the command line. */
  readonly program: readonly string[];
  remove(): void;
}

/**
 * The sources of the last release before this commit, or of a commit from before there were releases, run with the
 * packages that are installed now.
 * @returns why there is none where the history is missing: a shallow clone, or a copy without git.
 */
export function earlierVersion(): EarlierVersion | string {
  if (!hasHistory()) return 'there is no history here to take an earlier version from';
  const name = lastRelease() ?? beforeReleases;
  const archive = git('archive', '--format=tar', name, 'src', 'package.json');
  // Inside the project, where the packages are found.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache', 'earlier-'));
  execFileSync('tar', ['-xf', '-', '-C', folder], { input: archive });
  return {
    name,
    program: ['--import', import.meta.resolve('tsx'), join(folder, 'src/main.ts')],
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function hasHistory(): boolean {
  try {
    return git('rev-parse', '--is-shallow-repository').toString().trim() === 'false';
  } catch {
    return false;
  }
}

function lastRelease(): string | undefined {
  try {
    return git('describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD^').toString().trim();
  } catch {
    return undefined;
  }
}
