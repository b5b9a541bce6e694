import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

/** Fills the pipe of its standard output, and exits soon after the reader reads on. */
const program = `
  import { openLogOutput } from './src/telemetry/log-output.ts';
  const output = openLogOutput();
  for (let line = 0; line < 2000; line++) output.write(\`\${line} \${'x'.repeat(200)} end\\n\`);
  setTimeout(() => {
    output.write(\`2000 \${'x'.repeat(200)} end\\n\`);
    process.stderr.write('full');
    // The event loop is held, so the output does not try again before the exit.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    process.exit(0);
  }, 300);
`;

test('a program that exits while the pipe was full writes what the pipe takes by then', async () => {
  const command = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  await once(child.stderr, 'data');
  const lines = (await text(child.stdout)).trimEnd().split('\n');
  assert.equal(lines.length, 2001);
  for (const [index, line] of lines.entries()) assert.match(line, new RegExp(`^${index} x{200} end$`));
});
