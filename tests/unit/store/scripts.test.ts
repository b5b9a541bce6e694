/** The name, the head and the body of a Lua script must agree. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { loadScripts } from '../../../src/store/redis/scripts.ts';

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

for (const file of readdirSync(folder)) {
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
  const loaded = loadScripts().map(({ name, keys }) => `${name}-${keys}.lua`);
  assert.deepEqual(loaded.sort(), readdirSync(folder).sort());
});
