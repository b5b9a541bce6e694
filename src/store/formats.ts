import type { Database } from './redis/database.ts';

const keptSeconds = 24 * 60 * 60;

/**
 * What workers in QA mode know of each client together (docs/qa.md): in which form it asked last, and what it was told.
 */
export function openRequestFormats({ connection, keys }: Pick<Database, 'connection' | 'keys'>) {
  return {
    /** @param format - `undefined` for ETF, of which nothing is kept. */
    async remember(client: string, format: string | undefined) {
      if (format === undefined) await connection.del(keys.format(client));
      else await connection.set(keys.format(client), format, 'EX', keptSeconds);
    },
    async of(client: string) {
      return (await connection.get(keys.format(client))) ?? undefined;
    },
    /** That it has a hint for so many seconds. */
    async given(client: string, seconds: number) {
      await connection.set(keys.hint(client), '1', 'EX', seconds);
    },
    /** @returns whether it had a hint, which goes now. */
    async settled(client: string) {
      return (await connection.del(keys.hint(client))) > 0;
    },
    async signedOut(client: string) {
      await connection.set(keys.signedOut(client), new Date().toISOString(), 'EX', keptSeconds);
    },
    async signedOutAt(client: string) {
      return (await connection.get(keys.signedOut(client))) ?? undefined;
    },
  };
}
