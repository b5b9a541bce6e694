import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { openTranscript, printfFormat } from '../../../dev/transcript.ts';
import { encode } from '../../../src/etf/index.ts';

test('every byte survives the shell', () => {
  const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 37) % 256));
  for (const shell of ['sh', 'bash']) {
    const { stdout } = spawnSync(shell, ['-c', `printf ${printfFormat(bytes)}`]);
    assert.deepEqual(stdout, bytes, shell);
  }
});

test('only a terminal gets colours', () => {
  const written = (hasColours: boolean): string[] => {
    const lines: string[] = [];
    const transcript = openTranscript((line) => lines.push(line), hasColours);
    transcript.sent('a', encode(1));
    transcript.received('b', encode(2));
    transcript.about('c');
    transcript.fault('d');
    return lines;
  };
  for (const line of written(true)) assert.ok(line.includes('\x1b['), line);
  for (const line of written(false)) assert.ok(!line.includes('\x1b'), line);
});

test('a payload that is not a term is written as its bytes', () => {
  const lines: string[] = [];
  const transcript = openTranscript((line) => lines.push(line), false);
  transcript.received('topic', Buffer.from('{junk'));
  transcript.received('topic', Buffer.from([131, 0]));
  assert.match(lines[0] ?? '', /^← topic +<<"{junk">>$/);
  assert.match(lines[1] ?? '', /^← topic +<<131,0>>$/);
});

test('a request as text is written as its term', () => {
  const lines: string[] = [];
  const transcript = openTranscript((line) => lines.push(line), false);
  transcript.sent('topic', Buffer.from('{"ok":"verified"}'));
  assert.match(lines[0] ?? '', /^→ topic +\{io,\{ok,verified\},<<>>\}$/);
});

test('a long text is cut off, the terms after it are not', () => {
  const lines: string[] = [];
  openTranscript((line) => lines.push(line), false).received('topic', encode([Buffer.alloc(500, 'x'), 7]));
  assert.match(lines[0] ?? '', /\[<<"x{60}…">>,7\]$/);
});
