/** The guide "Add a tenth request" of docs/contributing.md, followed literally in a copy of the tree. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

const gitFolder = await run('git', ['rev-parse', '--absolute-git-dir'], { cwd: root }).then(
  ({ stdout }) => stdout.trim(),
  () => undefined,
);

/** A code block, and the text between it and the block before. */
interface Block {
  readonly says: string;
  readonly code: string;
}

/** The blocks of the guide, in their order. */
async function readGuide(): Promise<Block[]> {
  const document = await readFile(join(root, 'docs/contributing.md'), 'utf8');
  const [, guide] = document.split('\n## Add a tenth request\n');
  assert.ok(guide, 'the guide is there');
  const blocks = guide.split(/\n## /, 1)[0]?.matchAll(/([\s\S]*?)```\w+\n([\s\S]*?)```\n/g) ?? [];
  return [...blocks].map(([, says = '', code = '']) => ({ says, code }));
}

/** Do what the text before a block says with it. The commands at the end are run by the test itself. */
async function follow(copy: string, { says, code }: Block): Promise<void> {
  const put = async (file: string, before: RegExp): Promise<void> => {
    const text = await readFile(join(copy, file), 'utf8');
    assert.match(text, before, `${file} has a place for it`);
    await writeFile(
      join(copy, file),
      text.replace(before, (found) => code + found),
    );
  };
  const file = /a new file `([^`]+)`/.exec(says)?.[1];
  if (file !== undefined) await writeFile(join(copy, file), code, { flag: 'wx' });
  else if (says.includes('An import, beside the others')) await put('src/handlers/index.ts', /^import /m);
  else if (says.includes('the last row of `table`')) await put('src/handlers/index.ts', /^\} satisfies /m);
  else if (says.includes('before "Counterparties"')) await put('docs/protocol.md', /^### Counterparties$/m);
  else assert.match(says, /Then:\s*$/, 'the guide says where a block goes');
}

/** Run a command in the copy. @throws AssertionError with all that it wrote. */
async function runIn(copy: string, ...command: [string, ...string[]]): Promise<void> {
  const [program, ...args] = command;
  // The history, which is not copied, has the earlier version that upgrade.test.ts runs.
  const env: NodeJS.ProcessEnv = { ...process.env, ...(gitFolder !== undefined && { GIT_DIR: gitFolder }) };
  delete env.NODE_TEST_CONTEXT; // else the run reports to this one's parent
  try {
    await run(program, args, { cwd: copy, env });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    assert.fail(`${command.join(' ')}\n${stdout}${stderr}`);
  }
}

test('the steps of the guide add a tenth request', async (t) => {
  const copy = await mkdtemp(join(tmpdir(), 'profile-tenth-'));
  t.after(() => rm(copy, { recursive: true }));
  const left = /^(?:node_modules|dist|\.git|mosquitto\/data)(?:\/|$)/;
  const isKept = (path: string): boolean => !left.test(path.slice(root.length));
  await cp(root, copy, { recursive: true, filter: isKept });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));

  const guide = await readGuide();
  assert.equal(guide.length, 7);
  for (const block of guide) await follow(copy, block);

  const commands = guide.at(-1)?.code ?? '';
  const tests = [...commands.matchAll(/tests\/\S+/g)].map(([file]) => file);
  assert.equal(tests.length, 2);
  const bin = (name: string): string => join(root, 'node_modules/.bin', name);
  await runIn(copy, bin('biome'), 'check', '--write', 'src/handlers', 'tests/system/requests/brief.test.ts');
  await runIn(copy, bin('tsc'), '--noEmit');
  await runIn(copy, bin('tsc'), '--noEmit', '-p', 'page');
  const own = [
    'tests/unit/qa/documents.test.ts',
    'tests/unit/page/forms.test.ts',
    'tests/unit/bench/load.test.ts',
    'tests/system/failover/upgrade.test.ts',
  ];
  const node = (...words: string[]) => runIn(copy, process.execPath, '--import', 'tsx', '--test', ...words);
  await node(...tests, ...own);
  await node('--test-name-pattern=example for each|brief', 'tests/system/tools/test-plans.test.ts');
});
