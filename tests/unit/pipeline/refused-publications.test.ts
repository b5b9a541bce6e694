/** What brokers refuse is counted each time, and logged once a reason: every notice may meet the same one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PublishRefused } from '../../../src/mqtt/connection.ts';
import { noteRefused } from '../../../src/pipeline/refused-publications.ts';
import { openLog } from '../../../src/telemetry/log.ts';

test('a thousand notices for a full outbox are a thousand in the metric and one line in the log', () => {
  const lines: string[] = [];
  const log = openLog('info', { write: (line: string) => void lines.push(line) });
  let counted = 0;
  const deps = { log, metrics: { publishRefused: () => void counted++ } };
  const full = (): Error => new Error('the outbox of the broker is full');
  for (let count = 0; count < 1000; count++) noteRefused('notice', full(), deps);
  assert.equal(counted, 1000);
  assert.equal(lines.length, 1);
  noteRefused('answer', full(), deps);
  noteRefused('notice', new PublishRefused(0x97), deps);
  assert.equal(lines.length, 3);
  for (let code = 0; code < 100_000; code++) noteRefused('notice', new Error(`reason ${code % 300}`), deps);
  assert.ok(lines.length > 300, 'beyond the bound reasons are forgotten, and the line comes again');
});
