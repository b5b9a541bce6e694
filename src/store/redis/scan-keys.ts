import { Cluster } from 'ioredis';
import type { Database } from './database.ts';

/**
 * Walks through all hashes whose keys begin so, of all masters of a Cluster, by batches. A key that is there from the beginning to the end
 * comes at least once; some may come twice.
 */
export async function* scanKeys(connection: Database['connection'], start: string): AsyncGenerator<string[]> {
  const match = `${start.replaceAll(/[*?[\]\\]/g, '\\$&')}*`;
  for (const node of connection instanceof Cluster ? connection.nodes('master') : [connection])
    for await (const batch of node.scanStream({ match, count: 1_000, type: 'hash' })) yield batch as string[];
}
