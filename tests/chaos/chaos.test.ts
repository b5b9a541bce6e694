/** A short run of `npm run chaos` on a single Redis; long runs are started by hand. */
import { testShortRun } from './random-faults/short.ts';

testShortRun('single', [
  ...(['kill', 'term', 'freeze', 'cutBroker', 'cutRedis', 'restartRedis', 'restartBroker'] as const),
  ...(['hangMail', 'hangSts'] as const),
]);
