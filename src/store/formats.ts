import type { Database } from './redis/database.ts';

/** In which form each client asked last, known to all workers; only while people ask in text (docs/qa.md). */
export interface AskedForms {
  /** @param form - `undefined` for ETF, of which nothing is kept. */
  note(client: string, form: string | undefined): Promise<void>;
  of(client: string): Promise<string | undefined>;
}

const keptSeconds = 24 * 60 * 60;

export function openAskedForms({ connection, keys }: Pick<Database, 'connection' | 'keys'>): AskedForms {
  return {
    async note(client, form) {
      if (form === undefined) await connection.del(keys.form(client));
      else await connection.set(keys.form(client), form, 'EX', keptSeconds);
    },
    async of(client) {
      return (await connection.get(keys.form(client))) ?? undefined;
    },
  };
}
