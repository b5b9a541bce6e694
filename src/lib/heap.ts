import { setFlagsFromString } from 'node:v8';

/*
 * How V8's heap grows. `main.ts` imports this first: the flags count from then on.
 */

// What is loaded lives on, and V8 takes that for a reason to make the young generation larger: 20 MB more before the first
// request came.
setFlagsFromString('--semi-space-growth-factor=1');

/** Let the young generation grow with the work: to be called when everything is loaded. */
export function letYoungGenerationGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
