import { readdirSync, readFileSync } from 'node:fs';

const source = new URL('../../src/', import.meta.url);

/** What the stores, their scripts and the registry of workers call on Redis, in lower case: commands, and methods of ioredis. */
export function calledOnRedis(): Set<string> {
  const called = new Set<string>();
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!/^(store\/.*\.(ts|lua)|failover\/worker-registry\.ts)$/.test(file)) continue;
    const pattern = file.endsWith('.lua')
      ? /\bp?call\('([A-Z]+)'/g
      : /\b(?:connection|pipeline\(\))\s*\.([a-z]+)(?:Buffer)?\(/g;
    for (const [, name = ''] of readFileSync(new URL(file, source), 'utf8').matchAll(pattern))
      called.add(name.toLowerCase());
  }
  return called;
}
