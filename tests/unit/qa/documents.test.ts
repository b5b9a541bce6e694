/** The texts for people match the code: docs/qa.md, the examples, and the records. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode, defaultLimits, encode, parse, type Tuple } from '../../../src/etf/index.ts';
import { knownKinds, requestKinds, requests } from '../../../src/handlers/index.ts';
import { readProfile } from '../../../src/protocol/profile.ts';
import { recordSizes } from '../../../src/protocol/record.ts';
import { Topics } from '../../../src/protocol/topics.ts';
import { explain } from '../../../src/qa/formats/explain.ts';
import { readFormat } from '../../../src/qa/formats/read.ts';
import { records } from '../../../src/qa/formats/record-fields.ts';
import { windowWidth } from '../../../src/qa/formats/wrap.ts';
import { helpTopics } from '../../../src/qa/help.ts';

const docs = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), 'utf8');

test('each example is a request of its kind', () => {
  for (const kind of requestKinds) {
    const { message, reason } = readFormat(Buffer.from(requests[kind].example), defaultLimits);
    assert.ok(message, reason);
    const sent = readProfile(message, defaultLimits, knownKinds);
    assert.ok(typeof sent === 'object' && sent.kind === kind, kind);
    assert.equal(explain(message, defaultLimits, requestKinds), undefined, kind);
  }
});

test('the records have the fields that docs/protocol.md names, and the sizes that the worker reads', () => {
  const rows = docs('protocol.md').matchAll(/^\| `'(\w+)'` \| ([a-z_, ]+) \|$/gm);
  const documented = Object.fromEntries([...rows].map(([, name, fields]) => [name, fields?.split(', ')]));
  assert.deepEqual(
    documented,
    Object.fromEntries(
      Object.entries(records).map(([name, fields]) => [name, fields.map((field) => field.name)]),
    ),
  );
  for (const [name, size] of Object.entries(recordSizes)) {
    assert.equal(records[name as keyof typeof recordSizes].length + 1, size, name);
  }
});

test('MQTT Explorer shows each line of qa/help whole', () => {
  for (const readsText of [true, false]) {
    const [[, help] = ['', '']] = helpTopics(readsText, new Topics(), requests);
    for (const line of help.split('\n')) assert.ok(line.length <= windowWidth, `"${line}" is cut off`);
  }
});

test('the requests in docs/qa.md and qa/help can be read', () => {
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(docs('qa.md')) ?? [];
  const shown = [
    json,
    ...[...docs('qa.md').matchAll(/^\| `([{#][^`]*(?:get\}|"\}))` \|/gm)].map(([, text = '']) => text),
  ];
  assert.ok(shown.length >= 4, shown.join('\n'));
  const [[, help] = ['', '']] = helpTopics(true, new Topics(), requests);
  for (const [text] of help.matchAll(/(\{'Profile'|#'Profile'|\{"request").*$/gm)) shown.push(text);
  assert.ok(shown.length >= 7);
  for (const text of shown) {
    const { message, reason } = readFormat(Buffer.from(text), defaultLimits);
    assert.ok(message, `${text}: ${reason}`);
    assert.equal(explain(message, defaultLimits, requestKinds), undefined, text);
  }
});

test('the JSON in docs/qa.md has the stated meaning', () => {
  const meanings: Record<string, string> = {
    '{"ok":"verified"}': '{io,{ok,verified},<<>>}',
    '{"tuple":[{"atom":"x"},{"integer":"9007199254740993"},{"string":"ab"},null,true,"ї"]}':
      '{x,9007199254740993,"ab",[],true,<<"ї"/utf8>>}',
    '{"improper":[1,2.5,{"binary":"AP8="}]}': '[1,2.5|<<0,255>>]',
    '{"map":[["k",[1,2]]]}': '#{<<"k">> => [1,2]}',
    '{"etf":"g2EF"}': '5',
    '{"record":"Profile","short":true,"phone":"12345","status":"get"}': `{'Profile',<<"12345">>,[],[],[],0,0,get}`,
  };
  for (const [json, text] of Object.entries(meanings)) {
    const { message, reason } = readFormat(Buffer.from(json), defaultLimits);
    assert.ok(message, reason);
    assert.deepEqual(Buffer.from(message), encode(parse(text)), json);
  }
});

test('a field that a record is written without has the default of docs/protocol.md', () => {
  const text = "[#'Profile'{}, #'Service'{}, #'Roster'{}, #'Contact'{}, #'Feature'{}]";
  const { message } = readFormat(Buffer.from(text), defaultLimits);
  const list = decode(message ?? Buffer.of()) as Tuple[];
  const zeros = list.map((record) =>
    record.elements.flatMap((element, index) => (element === 0 ? [index] : [])),
  );
  assert.deepEqual(zeros, [[5, 6], [], [12], [9, 11], []]);
  for (const { elements } of list) {
    assert.ok(
      elements.slice(1).every((element) => element === 0 || (Array.isArray(element) && element.length === 0)),
    );
  }
});
