/** The fault tables of docs/operations.md are the ones that tests/faults tries on running systems. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { redisFaultOf } from '../../../src/store/redis/faults.ts';
import { breaking } from '../../faults/breaking.ts';
import { rules } from '../../faults/hurried-prometheus.ts';
import { tableOf } from '../../faults/markdown.ts';
import { faults, groups } from '../../faults/table.ts';

const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');

test('docs/operations.md has the fault tables as they are tried, below their headings', () => {
  const tables = [...page.matchAll(/\n### ([^\n]*)\n\n(\| fault \| line of the log .*?)(?=\n\n)/gs)];
  assert.deepEqual(
    tables.map(([, heading, table]) => [heading, table?.split('\n')]),
    groups.map(([heading, rows]) => [heading, tableOf(rows).split('\n')]),
  );
});

test('each fault has a way to break it, and each way a fault', () => {
  assert.deepEqual(faults.map(({ name }) => name).sort(), Object.keys(breaking).sort());
  assert.equal(new Set(faults.map(({ what }) => what)).size, faults.length);
});

test('each alert is raised by a fault, and no fault names another', () => {
  const raised = new Set(faults.flatMap(({ alerts }) => alerts));
  assert.deepEqual([...raised].sort(), rules.map(({ alert }) => alert).sort());
});

test('a fault that Redis names raises ProfileRedisRefuses, unless the rule leaves its cause out', () => {
  const rule = rules.find(({ alert }) => alert === 'ProfileRedisRefuses');
  const leftOut = new RegExp(`^(${/cause!~"([^"]+)"/.exec(rule?.expr ?? '')?.[1]})$`);
  const named = faults.flatMap((fault) => {
    const [, word] = /^redis: .*\((\w+)\)/.exec(fault.readyz) ?? [];
    return word === undefined
      ? []
      : [{ ...fault, cause: redisFaultOf(new Error(`${word} …`))?.name ?? word }];
  });
  assert.ok(named.length > 8);
  for (const { name, cause, alerts } of named)
    assert.equal(alerts.includes('ProfileRedisRefuses'), !leftOut.test(cause), name);
});
