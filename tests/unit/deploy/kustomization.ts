/**
 * The output of `kustomize build` for our overlays, as far as they use it; an overlay that uses more fails here.
 *
 * Two things differ: ConfigMaps keep their names, without the digest of their content, and nothing is sorted.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** A Kubernetes object of any kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  readonly [field: string]: unknown;
}

interface ConfigMapGenerator {
  readonly name: string;
  readonly behavior?: 'merge';
  readonly envs?: readonly string[];
  readonly files?: readonly string[];
}

interface Kustomization {
  readonly namespace?: string;
  readonly resources: readonly string[];
  readonly labels?: readonly { readonly pairs: Record<string, string> }[];
  readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
  readonly configMapGenerator?: readonly ConfigMapGenerator[];
}

const understood = ['apiVersion', 'kind', 'namespace', 'resources', 'labels', 'images', 'configMapGenerator'];

/** Builds a folder with a `kustomization.yaml`. */
export function build(folder: string): Manifest[] {
  const kustomization = readKustomization(folder);
  const manifests = kustomization.resources.flatMap((resource) => {
    const path = join(folder, resource);
    return statSync(path).isDirectory() ? build(path) : readManifests(path);
  });
  for (const generator of kustomization.configMapGenerator ?? []) generate(manifests, generator, folder);
  for (const manifest of manifests) {
    for (const { pairs } of kustomization.labels ?? []) {
      manifest.metadata.labels = { ...manifest.metadata.labels, ...pairs };
    }
    if (kustomization.namespace !== undefined) manifest.metadata.namespace = kustomization.namespace;
    for (const image of kustomization.images ?? []) setImage(manifest, image);
  }
  return manifests;
}

/** Reads `NAME=value` lines; comments and empty lines do not count. */
export function readEnvFile(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').split('\n');
  return Object.fromEntries(
    lines
      .filter((line) => /^[^#\s]/.test(line))
      .map((line) => {
        const [, name, value] = /^([^=]+)=(.*)$/.exec(line) ?? assert.fail(`${path}: ${line}`);
        return [name, value];
      }),
  );
}

function readKustomization(folder: string): Kustomization {
  const [kustomization, ...more] = readManifests(join(folder, 'kustomization.yaml'));
  assert.ok(kustomization !== undefined && more.length === 0);
  assert.deepEqual(
    Object.keys(kustomization).filter((field) => !understood.includes(field)),
    [],
    'this reader knows all that the kustomization says',
  );
  return kustomization as unknown as Kustomization;
}

function readManifests(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [], path);
    return document.toJS() as Manifest;
  });
}

function generate(
  manifests: Manifest[],
  { name, behavior, envs = [], files = [] }: ConfigMapGenerator,
  folder: string,
) {
  const data = {
    ...Object.assign({}, ...envs.map((file) => readEnvFile(join(folder, file)))),
    ...Object.fromEntries(files.map((file) => [basename(file), readFileSync(join(folder, file), 'utf8')])),
  };
  const existing = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
  assert.equal(
    existing !== undefined,
    behavior === 'merge',
    `ConfigMap ${name} is made once, and merged after that`,
  );
  if (existing === undefined)
    manifests.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  else Object.assign(existing.data as object, data);
}

function setImage(node: unknown, image: { name: string; newName: string; newTag: string }): void {
  if (typeof node !== 'object' || node === null) return;
  const fields = node as Record<string, unknown>;
  if (fields.image === image.name) fields.image = `${image.newName}:${image.newTag}`;
  for (const value of Object.values(fields)) setImage(value, image);
}
