/**
 * Checks manifests against the OpenAPI and CRD schemas of Kubernetes and KEDA, from `kubernetes-models`. Its
 * validators find wrong types, values and missing fields; its TypeScript types also find unknown fields.
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

/** The module of a kind in the package. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const group = apiVersion.split('/')[0] ?? '';
  const version = apiVersion.split('/').at(-1);
  if (packages[group] !== undefined) return `${packages[group]}/${version}/${kind}`;
  return `kubernetes-models/${apiVersion}/${kind}`;
}

/** The faults of a manifest by the schema's validator; empty if there are none. */
export function problemsOf(manifest: Manifest): string[] {
  const Model = require(moduleOf(manifest))[manifest.kind] as new (data: Manifest) => { validate(): void };
  try {
    new Model(manifest).validate();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** The faults of manifests by the compiler, one on each line; includes unknown fields. */
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
