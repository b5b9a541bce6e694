import type { Database } from './redis/database.ts';

/** In which form each client asked last, known to all workers; only while people ask in text (docs/qa.md). */
export interface RequestFormats {
  /** @param format - `undefined` for ETF, of which nothing is kept. */
  remember(client: string, format: string | undefined): Promise<void>;
  of(client: string): Promise<string | undefined>;
}

const keptSeconds = 24 * 60 * 60;

export function openRequestFormats({
  connection,
  keys,
}: Pick<Database, 'connection' | 'keys'>): RequestFormats {
  return {
    async remember(client, format) {
      if (format === undefined) await connection.del(keys.format(client));
      else await connection.set(keys.format(client), format, 'EX', keptSeconds);
    },
    async of(client) {
      return (await connection.get(keys.format(client))) ?? undefined;
    },
  };
}
