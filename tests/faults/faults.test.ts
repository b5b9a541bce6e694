/** The quick rows of the fault table, each on a running system; `npm run faults` runs all. */
import { after, test } from 'node:test';
import { run } from './run.ts';
import { startSystem } from './system.ts';
import { faults } from './table.ts';

const only = process.env.FAULT;
const system = await startSystem();
after(() => system.stop());

for (const fault of faults.filter(({ name, slow }) => (only === undefined ? slow !== true : name === only))) {
  test(`${fault.name}: ${fault.what}`, async () => {
    await run(fault, system);
  });
}
