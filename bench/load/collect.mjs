// Loaded into workers with `--import` for a short soak: collects garbage every second. The remaining memory is then
// visible without waiting for V8's own collections.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
setInterval(collect, 1_000).unref();
