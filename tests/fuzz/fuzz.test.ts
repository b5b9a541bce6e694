/** A short run of the fuzzer on the kept inputs; `npm run fuzz` is the long one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unit } from '../harness/calibration.ts';
import { readCorpus } from './corpus.ts';
import { fuzz } from './fuzzer.ts';
import { targets } from './targets.ts';

const SEED = 1;

for (const [name, target] of Object.entries(targets)) {
  test(`${name}: no input makes it throw, hang or keep memory`, async () => {
    const corpus = readCorpus(name);
    assert.ok(corpus.length > 20, 'there are inputs to begin with');
    const report = await fuzz(target, { seed: SEED, executions: 20_000, seconds: 4, corpus });
    assert.ok(report.executions > corpus.length && report.blocks > 100, 'something was tried');
    const reported = report.findings.map(
      ({ input, cause }) => `${cause}: ${input.toString('base64').slice(0, 2_000)}`,
    );
    assert.deepEqual(reported, []);
  });
}

test('the fuzzer detects a throw, a hang, and memory that is kept', async () => {
  const kept: Buffer[] = [];
  const wrong: Record<string, (input: Buffer) => void> = {
    'RangeError: too long': (input) => {
      if (input.length > 40) throw new RangeError('too long');
    },
    'takes \\d+ units of work': (input) => {
      for (let count = 0; input[0] === 7 && count < 8; count++) unit();
    },
    '\\d+ MB stay': () => void kept.push(Buffer.alloc(400_000, 1)),
  };
  for (const [cause, read] of Object.entries(wrong)) {
    const target = {
      folders: ['/tests/fuzz/'],
      seeds: [Buffer.alloc(39, 1)],
      words: [Buffer.of(7)],
      read: (input: Buffer) => {
        read(input);
        return undefined;
      },
    };
    const { findings } = await fuzz(target, { seed: SEED, executions: 60_000, seconds: 8, corpus: [] });
    kept.length = 0;
    assert.match(findings[0]?.cause ?? 'nothing', new RegExp(`^${cause}$`));
  }
});
