/** The example of `update` in docs/protocol.md has the messages of `npm run dev`, which compares them with what workers send. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { requestTopic } from '../../../dev/phones.ts';
import { reading } from '../../../dev/steps.ts';

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

test('the example of update has request, answer and notice with their topics', () => {
  const [, section = ''] = /^### update\n(.*?)(?=^#)/ms.exec(page) ?? [];
  const [, example = ''] = /^```\n(.*?)^```$/ms.exec(section) ?? [];
  const { sends, expects } = reading.at(-1) ?? assert.fail('there is no step');
  const lines = [`→ ${requestTopic}${sends}`, ...expects.map(({ topic, pattern }) => `← ${topic}${pattern}`)];
  assert.equal(example.replace(/\n */g, ''), lines.join('').replaceAll('Online', '1795941115798'));
});
