/** The name, the head and the body of a Lua script must agree. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { scriptAnswers } from '../../../src/store/redis/script-answers.ts';
import { functionsOf, loadScripts, withPrelude } from '../../../src/store/redis/scripts.ts';

/** Of Lua, as far as scripts call them, and the words before a bracket that call nothing. */
const builtIn = [
  'ipairs',
  'pairs',
  'tonumber',
  'tostring',
  'type',
  'unpack',
  'function',
  'and',
  'or',
  'not',
  'if',
];

const root = new URL('../../../', import.meta.url);
const folder = new URL('src/store/scripts/', root);

/** The numbers in brackets after a word, each once, in order. */
function numbers(text: string, pattern: RegExp): number[] {
  return [...new Set([...text.matchAll(pattern)].map(([, number]) => Number(number)))].sort((a, b) => a - b);
}

/** 1, 2, … up to the largest of some numbers. */
const upTo = (found: readonly number[]) => Array.from({ length: found.at(-1) ?? 0 }, (_, n) => n + 1);

const wordsIn = (text: string, pattern: RegExp) =>
  [...new Set([...text.matchAll(pattern)].map(([, word]) => word))].sort();

const { each: scripts, prelude } = loadScripts();
const files = readdirSync(folder).filter((file) => file !== 'prelude.lua');

for (const file of files) {
  const lua = readFileSync(new URL(file, folder), 'utf8');
  const [, head = '', body = ''] = /^--\[\[\n(.*?)\n\]\]\n(.*)$/s.exec(lua) ?? [];
  const [, name = '', count = ''] = /^([a-z-]+)-(\d+)\.lua$/.exec(file) ?? [];

  describe(file, () => {
    test('its head begins with its name and its purpose', () => {
      assert.match(head, new RegExp(`^  ${name}: .+\\.\\n`));
    });

    test('its name, its head and its body have the same keys', () => {
      const inHead = numbers(head, /^ {2}KEYS\[(\d+)…?\] +/gm);
      const named = numbers(body, /\bKEYS\[(\d+)\]/g);
      const rest = /^ {2}KEYS\[(\d+)…\] +/m.exec(head)?.[1];
      assert.deepEqual(inHead, upTo(inHead));
      const takesAll = /\bunpack\(KEYS\)/.test(body);
      const inBody = takesAll ? inHead.slice(0, rest === undefined ? undefined : -1) : named;
      assert.ok(named.every((key) => inBody.includes(key)));
      if (rest === undefined) {
        assert.equal(inHead.length, Number(count));
        assert.deepEqual(inBody, inHead);
      } else {
        assert.equal(Number(rest), inHead.length, 'the keys without a number of their own come last');
        assert.ok(inHead.length <= Number(count));
        assert.deepEqual(inBody, inHead.slice(0, -1));
        assert.match(body, new RegExp(`\\(KEYS, ${rest}\\)|#KEYS|\\(KEYS\\)`));
      }
    });

    test('every argument in its head is used in its body, and no other', () => {
      const inHead = numbers(head, /^ {2}ARGV\[(\d+)…?\] +/gm);
      const inBody = numbers(body, /\bARGV\[(\d+)\]/g);
      const rest = /^ {2}ARGV\[(\d+)…\] +/m.exec(head)?.[1];
      assert.deepEqual(inHead, upTo(inHead));
      assert.deepEqual(inBody, rest === undefined ? inHead : inHead.slice(0, -1));
      if (rest !== undefined) assert.match(body, /\(ARGV, |#ARGV/);
    });

    test('each local name that it gives is used', () => {
      for (const [, list = ''] of body.matchAll(/^local ([\w, ]+?)\s*=/gm)) {
        for (const local of list.split(', ')) {
          assert.ok([...body.matchAll(new RegExp(`\\b${local}\\b`, 'g'))].length > 1, local);
        }
      }
    });

    test('it returns the words that its Returns part explains, and no other', () => {
      const [, returns = ''] = /^ {2}Returns {2}(.*?)\n\n/ms.exec(`${head}\n\n`) ?? [];
      const explained = wordsIn(returns, /^\s*"(\w+)" {2}/gm);
      assert.ok(explained.length > 0 || /^a (list|number)\b/.test(returns));
      assert.deepEqual(wordsIn(body, /\breturn\b[^\n]*?'(\w+)'/g), explained);
      const typed: Readonly<Record<string, readonly string[]>> = scriptAnswers;
      assert.deepEqual([...(typed[name] ?? [])].sort(), explained);
    });

    test('the functions that it calls are its own, of Lua, of Redis or of the prelude', () => {
      const ofRedis = /^local call, pcall = redis\.call, redis\.pcall$/m.test(body) ? ['call', 'pcall'] : [];
      const own = wordsIn(body, /\blocal function (\w+)/g);
      const known = [...functionsOf(prelude), ...own, ...ofRedis, ...builtIn];
      const called = wordsIn(body.replaceAll(/--.*|'[^'\n]*'/g, ''), /(?<![\w.:])(\w+)\(/g);
      assert.deepEqual(
        called.filter((each) => !known.includes(each)),
        [],
      );
    });

    test('its head has whether it can be repeated, and its callers', () => {
      assert.match(head, /^ {2}Repeatable: /m);
      const [, caller = ''] = /Called by (src\/[\w/-]+\.ts)/.exec(head) ?? [];
      assert.ok(readFileSync(new URL(caller, root), 'utf8').includes(`'${name}'`));
    });

    test('it fits on a screen', () => {
      assert.ok(lua.trimEnd().split('\n').length < 60);
    });
  });
}

test('every script is loaded, with the number of keys in its name', () => {
  const loaded = scripts.map(({ name, keys }) => `${name}-${keys}.lua`);
  assert.deepEqual(loaded.sort(), files.sort());
});

test('the prelude has nothing but functions, each called by a script and without keys of its own', () => {
  const code = prelude.replace(/^--\[\[.*?\]\]$/ms, '').replaceAll(/^(--.*|\s*)\n/gm, '');
  assert.match(code, /^(local function \w+\([\w, ]*\)\n( .*\n)+end\n)+$/);
  assert.doesNotMatch(code, /\b(KEYS|ARGV)\b/);
  const users = [...scripts.map(({ lua }) => lua), prelude.replaceAll(/^local function \w+/gm, '')];
  for (const name of functionsOf(prelude))
    assert.ok(
      users.some((lua) => lua.includes(`${name}(`)),
      name,
    );
});

test('reading for a request needs no prelude', () => {
  const { lua = '' } = scripts.find(({ name }) => name === 'read-batch') ?? {};
  assert.equal(withPrelude(lua, prelude), lua);
});
