/** `npm run flood`: its options, and one row for real; whether a busy machine reaches the goals is not asked here. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Its exit code and what it prints. */
function flood(...options: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const command = ['--import', 'tsx', 'bench/flood/main.ts', ...options];
    const child = execFile(process.execPath, command, { cwd: root }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

test('one row for real, as JSON: figures of the calm and of the attack, and the goals that it missed', async () => {
  const { code, stdout } = await flood('--quick', '--seconds=1', '--json', 'count');
  const { rows: results, goals } = JSON.parse(stdout);
  assert.deepEqual(goals, { ratio: 1.5, megabytes: 64 });
  assert.equal(results.length, 1);
  const [{ name, calm, attacked, ratio, growth, attack, missed }] = results;
  assert.equal(name, 'count');
  assert.equal(calm.requests, 200);
  assert.equal(calm.unanswered, 0);
  assert.equal(attacked.requests, 200);
  // The row lasts no longer than that.
  assert.equal(attacked.firstSecondP99Ms, attacked.p99Ms);
  assert.equal(ratio, attacked.p99Ms / calm.p99Ms);
  assert.deepEqual(Object.keys(growth), ['broker', 'redis', 'workers']);
  assert.ok(attack.sent > 1_000, `${attack.sent} sent`);
  assert.equal(code, missed.length > 0 ? 1 : 0);
});

test('the control row as a table: a line with its figures, and no goals', async () => {
  const { code, stdout } = await flood('--quick', '--seconds=1', 'control');
  assert.match(stdout, /^control +[\d.]+ ms +[\d.]+ ms +[\d.]+× +[\d.]+ ms +\d+ .* none +nothing: how far/m);
  assert.equal(code, 0);
});

test('what is asked for wrongly is said in one line, and exit code 2', async () => {
  const { code, stdout, stderr } = await flood('--loud');
  assert.deepEqual([code, stdout, stderr.split('\n').length], [2, '', 2]);
});
