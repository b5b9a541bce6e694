// Loaded into workers with `--import` for a short soak: collects garbage every second, so that what is left can be seen
// without waiting for V8 to find it worth while.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
setInterval(collect, 1_000).unref();
