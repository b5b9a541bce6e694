import type { Fault } from './fault.ts';
import { ofBroker } from './rows-broker.ts';
import { ofRedis } from './rows-redis.ts';
import { ofServices, ofWorkers } from './rows-services.ts';

/**
 * What operators see of each fault: the one source of the table in docs/operations.md, which tests/unit/docs/faults.test.ts compares
 * with it. `npm run faults` breaks each thing on a running system and looks for all four; `npm test` does so for the quick ones.
 */
export const faults: readonly Fault[] = [...ofRedis, ...ofBroker, ...ofServices, ...ofWorkers];
