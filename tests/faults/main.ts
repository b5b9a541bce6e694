/** `npm run faults`: break each thing of the fault table on a running system, and print what was seen. */

import { checkArguments } from '../../dev/arguments.mjs';
import { columns, show, Unseen } from './observe.ts';
import { run } from './run.ts';
import { startSystem } from './system.ts';
import { faults } from './table.ts';

// On Node 20 the SDK of AWS would print a notice between the rows.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

checkArguments('faults');
const only = process.argv.slice(2);
const chosen = faults.filter(({ name }) => only.length === 0 || only.some((part) => name.startsWith(part)));
const system = await startSystem();
let failed = 0;
try {
  for (const fault of chosen) {
    const started = performance.now();
    const result = await run(fault, system).catch((error: unknown) => error);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const isRight = !(result instanceof Error);
    if (!isRight) failed++;
    console.log(`${isRight ? 'ok    ' : 'FAILED'} ${fault.name}: ${fault.what} (${seconds} s)`);
    const seen = result instanceof Unseen ? result.seen : isRight ? (result as Unseen['seen']) : undefined;
    if (seen === undefined) console.log(`         ${result instanceof Error ? result.stack : ''}`);
    else for (const column of columns) console.log(`         ${column.padEnd(7)} ${show(seen[column])}`);
  }
} finally {
  await system.stop();
}
console.log(`${chosen.length - failed} of ${chosen.length} faults are as docs/operations.md says`);
process.exitCode = failed === 0 ? 0 : 1;
