/**
 * The process of the attackers. Its packets lie ready and it yields the processor to all others (nice 19), so that what it
 * costs the neighbours is what the system does for it. It reports the processor time that it used itself.
 */
import { writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import type { BrokerAddress } from '../load/device.ts';
import { Attacker, type Totals } from './attacker.ts';
import { rowNamed } from './rows.ts';
import type { Session } from './session.ts';

export type AttackOrder =
  | {
      readonly prepare: {
        readonly row: string;
        readonly address: BrokerAddress;
        readonly sessions: readonly Session[];
        readonly victims: readonly Session[];
      };
    }
  | { readonly act: 'start' | 'stop' };

export interface Attacked extends Totals {
  /** Of this process. */
  readonly cpuSeconds: number;
}

let attackers: Attacker[] = [];
let start = (): void => undefined;
const totals: Totals = { sent: 0, closed: 0 };

async function obey(order: AttackOrder): Promise<Attacked | undefined> {
  if ('prepare' in order) {
    const { row: name, address, sessions, victims } = order.prepare;
    const row = rowNamed(name);
    attackers = sessions.map((session) => new Attacker(address, session, totals));
    for (const attacker of attackers) await attacker.connect(row.connect);
    for (const attacker of attackers) await row.prepare?.(attacker);
    start = () => {
      for (const attacker of attackers) row.start(attacker, victims);
    };
    return undefined;
  }
  if (order.act === 'start') {
    Object.assign(totals, { sent: 0, closed: 0 });
    usedBefore = process.cpuUsage();
    start();
    return undefined;
  }
  for (const attacker of attackers) attacker.stop();
  const { user, system } = process.cpuUsage(usedBefore);
  return { ...totals, cpuSeconds: (user + system) / 1e6 };
}

let usedBefore = process.cpuUsage();

setPriority(constants.priority.PRIORITY_LOW);
// Where Linux groups processes by session, the priority of the process counts within that group alone.
await writeFile('/proc/self/autogroup', `${constants.priority.PRIORITY_LOW}`).catch(() => undefined);
process.on('message', (order: AttackOrder) => {
  obey(order).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
