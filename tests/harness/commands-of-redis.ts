import type { Redis } from 'ioredis';

/** What Redis carries out, by `MONITOR`; `source` is `lua` for a command of a script. */
type Carried = (words: string[], source: string) => void;

/** Hear of each command that Redis carries out while something is done. */
export async function hearingCommands(database: Redis, carried: Carried, act: () => Promise<unknown>) {
  const monitor = await database.monitor();
  monitor.on('monitor', (_time: string, words: string[], source: string) => carried(words, source));
  try {
    await act();
    // What was said before this one is heard when it comes.
    const last = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, words: string[]) => words.includes('the-last') && resolve());
    });
    await database.echo('the-last');
    await last;
  } finally {
    monitor.disconnect();
  }
}
