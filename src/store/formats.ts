import type { Database } from './redis/database.ts';

const keptSeconds = 24 * 60 * 60;

/** In which form each client asked last, known to all workers; only while people ask in text (docs/qa.md). */
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
  };
}
