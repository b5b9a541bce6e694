/** A short run of `npm run chaos` on Sentinel or a Cluster; long runs are started by hand. */
import { Rng } from '../harness/rng.ts';
import { seed, testShortRun } from './random-faults/short.ts';

const redis = new Rng(seed, 'redis').pick(['sentinel', 'cluster'] as const);
testShortRun(redis, ['failover', 'kill', 'cutRedis', 'failover']);
