import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);
const load = (...options: string[]) =>
  run(process.execPath, ['--import', 'tsx', 'bench/load/main.ts', ...options], {
    cwd: root,
    timeout: 300_000,
  });

test('npm run load sends requests at each rate, finds no wrong answer, and writes figures and curves', async () => {
  const { stdout } = await load('--workers=1', '--rates=50,100', '--seconds=1', '--phones=60');
  const [, json = '', svg = ''] = /Kept in (\S+\.json) and (\S+\.svg)/.exec(stdout) ?? assert.fail(stdout);
  try {
    const { sweeps } = JSON.parse(await readFile(json, 'utf8'));
    const rates = sweeps[0].steps.map(({ rate }: { rate: number }) => rate);
    // Too high a rate ends the run early, on a machine that is busy with other things.
    assert.deepEqual(rates, [50, 100].slice(0, rates.length));
    assert.match(await readFile(svg, 'utf8'), /<polyline/);
  } finally {
    await Promise.all([rm(json), rm(svg)]);
  }
});

test('npm run load loads only this machine', async () => {
  const elsewhere = ['--mqtt=mqtt://broker.example.org', '--redis=redis://127.0.0.1:1'];
  await assert.rejects(load(...elsewhere), /only systems on this machine/);
});
