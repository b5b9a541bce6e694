import type { Fault } from './fault.ts';
import { ofBroker } from './rows-broker.ts';
import { ofRedis } from './rows-redis.ts';
import { ofMail, ofSts, ofWorkers } from './rows-services.ts';

/**
 * What operators see of each fault: the one source of the tables in docs/operations.md, which tests/unit/docs/faults.test.ts compares
 * with it. `npm run faults` breaks each thing on a running system and looks for all four; `npm test` does so for the quick ones.
 */
export const groups: readonly (readonly [heading: string, rows: readonly Fault[]])[] = [
  ['Faults of Redis', ofRedis],
  ['Faults of the broker', ofBroker],
  ['Faults of the mail server', ofMail],
  ['Faults of STS (AWS)', ofSts],
  ['Faults of workers and settings', ofWorkers],
];

export const faults: readonly Fault[] = groups.flatMap(([, rows]) => rows);
