/** Parts of one Redis, each with `profilectl` for it, for dumps that go in and out. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, openRedis } from '../../src/store/redis/database.ts';
import { scanKeys } from '../../src/store/redis/scan-keys.ts';
import { type Harness, type HarnessOptions, startHarness } from './harness.ts';
import { type Called, profilectl } from './profilectl.ts';

/** A system, the dumps, and parts of its Redis to import them into. */
export async function startDumpStores(options: HarnessOptions = {}) {
  const dumps = makeDumps();
  const harness = await startHarness(options);
  const stores = openDumpStores(harness);
  const close = async (): Promise<void> => {
    await stores.close();
    await harness.stop();
    dumps.remove();
  };
  return { harness, dump: dumps.path, store: stores.open, close };
}

/** A folder with the dumps of a small store in every form, written by Erlang. */
function makeDumps() {
  const folder = mkdtempSync(join(tmpdir(), 'dumps-'));
  const script = fileURLToPath(new URL('../system/tools/old-store.escript', import.meta.url));
  execFileSync('escript', [script, folder]);
  return {
    path: (name: string): string => join(folder, name),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function openDumpStores(harness: Harness) {
  const databases: Database[] = [];
  return {
    /** @param prefix - of its keys. */
    open(prefix: string, url = harness.redis.url) {
      const database = openRedis(url, prefix, () => undefined);
      databases.push(database);
      const settings = { MQTT_URL: harness.broker.url, REDIS_URL: url, REDIS_KEY_PREFIX: prefix };
      const call = (...line: string[]): Promise<Called> => profilectl(settings, ...line);
      return {
        database,
        settings,
        call,
        /** @returns the counts. */
        async import(...line: string[]) {
          const { exitCode, stdout, stderr } = await call('import', '--redis-only', '--json', ...line);
          return { exitCode, stderr, counts: JSON.parse(stdout) };
        },
        snapshot: () => snapshot(database, prefix),
      };
    },
    async close() {
      await Promise.all(databases.map((database) => database.close()));
    },
  };
}

/** Every key but idempotency records, without the versions; fragments byte for byte. */
async function snapshot({ connection, keys }: Database, prefix: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  const starts = [keys.profile(''), keys.contacts('')].map((key) => key.slice(0, -1));
  for (const start of [...starts, keys.session('')])
    for await (const batch of scanKeys(connection, start))
      for (const key of batch) {
        const fields = await connection.hgetallBuffer(key);
        const values = Object.entries(fields).filter(([name]) => name !== 'version');
        found[key.slice(prefix.length)] = Object.fromEntries(
          values.map(([name, bytes]) => [name, bytes.toString('hex')]).sort(),
        );
      }
  return found;
}
