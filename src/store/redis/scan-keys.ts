import { Cluster } from 'ioredis';
import type { Database } from './database.ts';
import { attempt } from './retry.ts';

/**
 * Walks through all hashes, or sorted sets, whose keys begin so, of all masters of a Cluster, by batches. A key that is there from
 * the beginning to the end comes at least once; some may come twice.
 * @throws Fault when a server is away: it alone knows how far the walk is.
 */
export async function* scanKeys(
  connection: Database['connection'],
  start: string,
  type: 'hash' | 'zset' = 'hash',
): AsyncGenerator<string[]> {
  const match = `${start.replaceAll(/[*?[\]\\]/g, '\\$&')}*`;
  for (const node of connection instanceof Cluster ? connection.nodes('master') : [connection]) {
    let cursor = '0';
    do {
      const words = [cursor, 'MATCH', match, 'COUNT', 1_000, 'TYPE', type];
      const [next, batch] = (await attempt(() => node.call('SCAN', ...words))) as [string, string[]];
      cursor = next;
      yield batch;
    } while (cursor !== '0');
  }
}
