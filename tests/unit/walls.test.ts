/** The walls between folders (`.dependency-cruiser.mjs`): each holds, and docs/architecture.md restates them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Result {
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
  };
  readonly modules: readonly {
    readonly source: string;
    readonly dependencies: readonly { readonly module: string }[];
  }[];
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const config = '.dependency-cruiser.mjs';
/** Folder or files → what they may import. */
const { walls }: { walls: Record<string, readonly string[]> } = await import(join(root, config));
const names = Object.keys(walls);
const isFolder = (name: string): boolean => name.endsWith('/');
const tops = ['src', 'dev', 'tests', 'bench', 'page/src'];

/** Run the linter as `npm run check` does. */
function cruise(folder: string, form: 'err' | 'json') {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const run = spawnSync(process.execPath, [program, '--output-type', form, ...tops], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  assert.equal(run.stderr, '');
  return run;
}

/** What `npm run check` says of a tree that breaks walls: rule, importer, imported; of a circle only where it begins. */
function broken(folder: string): string[] {
  const { status, stdout } = cruise(folder, 'err');
  assert.notEqual(status, 0);
  return [...stdout.matchAll(/^ {2}error (.+?): (\S+) → ?(\S*)/gm)]
    .map(([, rule, from, to]) => `${rule}: ${from} -> ${to}`)
    .sort();
}

/** A tree of the folders in the list: a file to import in each, and the packages of the list, and one more. */
function tree(t: TestContext): { readonly folder: string; write(file: string, text: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'walls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  cpSync(join(root, config), join(folder, config));
  write('node_modules/@swc/core/package.json', '{"type":"module","exports":"./index.js"}');
  write('node_modules/@swc/core/index.js', `export { default } from '${import.meta.resolve('@swc/core')}';`);
  for (const name of packages) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0' }));
    write(`node_modules/${name}/index.js`, '');
  }
  write('package.json', JSON.stringify({ type: 'module' }));
  for (const top of tops) mkdirSync(join(folder, top), { recursive: true });
  for (const name of names) write(fileIn(name, 'target'), 'export const value = 1;\nexport type Type = 1;\n');
  return { folder, write };
}

const packages = [...new Set([...Object.values(walls).flat(), 'not-allowed'])].filter(
  (name) => !(name in walls),
);

/** A file of a folder; of a pattern the `*` is the name. */
const fileIn = (name: string, file: string): string =>
  isFolder(name) ? `${name}${file}.ts` : name.replace('*', `-${file}.ts`);

/** A file of each name imports from all others, and every package. */
function importAll(t: TestContext, statement: (specifier: string) => string): void {
  const { folder, write } = tree(t);
  const expected: string[] = [];
  for (const name of names) {
    const from = fileIn(name, 'probe');
    const others = names.filter((other) => other !== name);
    const lines = others.map((other) => {
      const to = fileIn(other, 'target');
      if (!walls[name]?.includes(other)) expected.push(`${name}: ${from} -> ${to}`);
      return statement(`./${relative(dirname(from), to)}`);
    });
    for (const pack of packages) {
      lines.push(statement(isBuiltin(pack) ? `${pack}/` : pack));
      if (!walls[name]?.includes(pack)) expected.push(`${name}: ${from} -> node_modules/${pack}/index.js`);
    }
    lines.push(statement('node:fs'), 'export const value = 1;', 'export type Type = 1;');
    write(from, `${lines.join('\n')}\n`);
  }
  // Here files that the list names one by one import themselves through others.
  const found = broken(folder).filter((line) => !line.startsWith('no-circles'));
  const missing = expected.filter((line) => !found.includes(line));
  const surplus = found.filter((line) => !expected.includes(line));
  assert.deepEqual(
    { missing: missing.slice(0, 9), surplus: surplus.slice(0, 9) },
    { missing: [], surplus: [] },
  );
}

const statements = {
  'a value': (specifier: string) => `import { value as v${specifier.length} } from '${specifier}';`,
  'a type': (specifier: string) => `import type { Type as T${specifier.length} } from '${specifier}';`,
};
for (const [what, statement] of Object.entries(statements))
  test(`a file that imports ${what} is rejected by the rule of its folder, unless the list allows it`, (t) =>
    importAll(t, statement));

test('a circle is rejected, also one of types within a folder', (t) => {
  const { folder, write } = tree(t);
  const circle = (kind: string) => {
    write(`src/lib/${kind}-a.ts`, `import ${kind} { B } from './${kind}-b.ts';\nexport type A = B;\n`);
    write(`src/lib/${kind}-b.ts`, `import ${kind} { A } from './${kind}-a.ts';\nexport type B = A;\n`);
  };
  circle('type');
  circle('');
  assert.deepEqual(
    broken(folder),
    ['src/lib/-a.ts', 'src/lib/type-a.ts'].map((file) => `no-circles: ${file} -> `),
  );
});

test('a folder that is not in the list may import nothing, and nothing may import it', (t) => {
  const { folder, write } = tree(t);
  write('src/utils/new.ts', "import type { Type } from '../etf/target.ts';\nexport type New = Type;\n");
  write('src/loose.ts', "import type { Type } from './etf/target.ts';\nexport type Loose = Type;\n");
  write('src/store/user.ts', "import type { New } from '../utils/new.ts';\nexport type Used = New;\n");
  assert.deepEqual(broken(folder), [
    'listed: src/loose.ts -> src/etf/target.ts',
    'listed: src/utils/new.ts -> src/etf/target.ts',
    'src/store/: src/store/user.ts -> src/utils/new.ts',
  ]);
});

test('the tree keeps the walls, and the linter sees each import in its text', () => {
  const { summary, modules }: Result = JSON.parse(cruise(root, 'json').stdout);
  assert.deepEqual(
    summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
    [],
  );
  let count = 0;
  for (const { source, dependencies } of modules) {
    if (!/^(src|dev|bench|page)\/.*\.tsx?$/.test(source)) continue;
    const seen = new Set(dependencies.map(({ module }) => module));
    // The linter does not see `import('…')` in every place of a type.
    const written = readFileSync(join(root, source), 'utf8').matchAll(
      /\b(?:from |import\(?\s*)'((?!node:|\.\/peers)[@./\w][^'\s]*)'/g,
    );
    for (const [, specifier = ''] of written) {
      assert.ok(seen.has(specifier), `${source} imports ${specifier}, and the linter does not see it`);
      count++;
    }
  }
  assert.ok(count > 500, `${count} imports`);
});

test('`npm run check` checks the walls of all folders', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.ok(scripts.check.includes(`&& depcruise ${tops.join(' ')} &&`));
});

test('the table of docs/architecture.md names each folder with what it may import', () => {
  const source = names.filter((name) => name.startsWith('src/') && name !== 'src/main.ts');
  const told = (name: string): string => {
    const may = walls[name] ?? [];
    const isAll = source.every((other) => may.includes(other));
    const rest = isAll ? may.filter((other) => !source.includes(other)) : may;
    return [...(isAll ? ['all of `src/` but `main.ts`'] : []), ...rest.map((other) => `\`${other}\``)].join(
      ', ',
    );
  };
  const expected = Object.fromEntries(names.map((name) => [name, told(name) || 'nothing']));
  const design = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const rows = design.matchAll(/^\| `((?:src|page|dev|tests|bench)\/[^`]*)` \| .+ \| (.+) \|$/gm);
  assert.deepEqual(Object.fromEntries([...rows].map(([, name = '', may]) => [name, may])), expected);
});
