/** The examples in docs/protocol.md have the messages of `npm run dev`, which compares them with what workers send. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Step } from '../../../dev/conversation.ts';
import { requestTopic } from '../../../dev/phones.ts';
import { leaving, reading } from '../../../dev/steps.ts';
import { defaultLimits, encode, parse } from '../../../src/etf/index.ts';
import { knownKinds } from '../../../src/handlers/index.ts';
import { readProfile } from '../../../src/protocol/profile.ts';
import { readRosters } from '../../../src/protocol/roster.ts';
import { codeMailText, codeMailWords } from '../../../src/services/mail/templates.ts';
import { codeLifetimeSeconds } from '../../../src/store/verifications.ts';

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

/** The first example of a section. */
function exampleOf(heading: string): string {
  const [, section = ''] = new RegExp(`^### ${heading}\\n(.*?)(?=^#)`, 'ms').exec(page) ?? [];
  const [, example = ''] = /^```\n(.*?)^```$/ms.exec(section) ?? [];
  return example;
}

const received = ({ topic, pattern }: Step['expects'][number]): string => `← ${topic}${pattern}`;
const written = (lines: readonly string[]): string => lines.join('').replaceAll('Online', '1795941115798');

test('the example of set is taken: a roster with another nick and its contact', () => {
  const sent = readProfile(encode(parse(exampleOf('set').slice(1))), defaultLimits, knownKinds);
  assert.ok(typeof sent === 'object' && sent.kind === 'set');
  const [roster, ...others] = readRosters(sent.rosters) ?? [];
  assert.equal(others.length, 0);
  assert.deepEqual(
    roster?.contacts.map(({ phoneId }) => phoneId),
    ['380671112233_7'],
  );
});

test('the example of update has request, answer and notice with their topics', () => {
  const { sends, expects } = reading.at(-1) ?? assert.fail('there is no step');
  const lines = [`→ ${requestTopic}${sends}`, ...expects.map(received)];
  assert.equal(exampleOf('update').replace(/\n */g, ''), written(lines));
});

test('the example of phone has the notices to a friend', () => {
  const { expects } = leaving.find(({ sends }) => sends?.endsWith(',phone}')) ?? assert.fail('no step');
  const notices = expects.filter(({ topic }) => topic.startsWith('ses/'));
  assert.equal(exampleOf('phone').replace(/\n */g, ''), written(notices.map(received)));
});

test('the example of link is the mail with its default subject', () => {
  const words = codeMailWords('en', 'PROFILE', codeLifetimeSeconds / 60);
  const mail = `Subject: ${words.subject}\n\n${codeMailText(words, '042137')}`;
  assert.equal(exampleOf('link').trim(), mail.trim());
});
