/**
 * Whether manifests are what Kubernetes and KEDA take: their own OpenAPI and CRD schemas, as `kubernetes-models` ships
 * them. Its validators see wrong types, values and missing fields; its TypeScript types also see fields that there are none.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from './kustomization.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const require = createRequire(import.meta.url);

const packages: Readonly<Record<string, string>> = { 'keda.sh': '@kubernetes-models/keda/keda.sh' };

/** Where the package keeps a kind. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const group = apiVersion.split('/')[0] ?? '';
  const version = apiVersion.split('/').at(-1);
  if (packages[group] !== undefined) return `${packages[group]}/${version}/${kind}`;
  return `kubernetes-models/${apiVersion}/${kind}`;
}

/** What the schema's validator finds wrong with a manifest; empty if nothing. */
export function problemsOf(manifest: Manifest): string[] {
  const Model = require(moduleOf(manifest))[manifest.kind] as new (data: Manifest) => { validate(): void };
  try {
    new Model(manifest).validate();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** What the compiler finds wrong with manifests, a line each; it also finds unknown fields. */
export function typeErrorsOf(manifests: readonly Manifest[]): string[] {
  // Inside the project, where the compiler finds the packages.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache', 'manifests-'));
  try {
    const lines = manifests.flatMap((manifest, index) => [
      `import type { I${manifest.kind} as Kind${index} } from '${moduleOf(manifest)}';`,
      `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest)};`,
    ]);
    writeFileSync(join(folder, 'manifests.ts'), `${lines.join('\n')}\n`);
    const compilerOptions = { module: 'nodenext', strict: true, noEmit: true, skipLibCheck: true, types: [] };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['manifests.ts'] }),
    );
    const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], {
      encoding: 'utf8',
    });
    return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
