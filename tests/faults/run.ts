import { eventually } from '../harness/eventually.ts';
import { breaking } from './breaking.ts';
import type { Fault } from './fault.ts';
import { firing } from './hurried-prometheus.ts';
import { observe, type Seen } from './observe.ts';
import { type System, whole } from './system.ts';
import { forgetLimits } from './traffic.ts';

/** Break one thing, look for all that the table says, mend it, and wait until the worker is ready by itself. */
export async function run(fault: Fault, system: System): Promise<Seen> {
  const start = breaking[fault.name];
  if (start === undefined) throw new Error(`nothing breaks ${fault.name}`);
  await eventually(
    'no alert of the next fault is left of the last one',
    async () => !(await firing(system.prometheus)).some((name) => fault.alerts.includes(name)),
  );
  await forgetLimits(system);
  const before = system.worker.log().length;
  const { scene, mend } = await start(system);
  try {
    return await observe(fault, scene ?? system, scene === undefined ? before : 0);
  } finally {
    await mend();
    await system.tidy();
    await whole(system);
  }
}
