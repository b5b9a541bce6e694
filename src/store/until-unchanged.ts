import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from './redis/fault.ts';

const maxAttempts = 100;
const maxPauseMs = 250;

/**
 * Compare and set: write on the condition that nobody has changed what was read, and read again if somebody has.
 * Pauses are random and grow, so that the writers of one key do not meet again.
 * @param first - what was read already.
 * @param read - reads it again.
 * @param attempt - decides by what was read; returns `'changed'` if its condition failed, and has written nothing then.
 * @throws Fault after a hundred attempts.
 */
export async function untilUnchanged<State, Result>(
  first: State,
  read: () => Promise<State>,
  attempt: (state: State) => Promise<Result | 'changed'>,
): Promise<Exclude<Result, 'changed'>> {
  let state = first;
  for (let count = 1; count <= maxAttempts; count++) {
    const result = await attempt(state);
    if (result !== 'changed') return result as Exclude<Result, 'changed'>;
    await sleep(Math.random() * Math.min(2 ** count, maxPauseMs));
    state = await read();
  }
  throw new Fault('another client changed it before each of a hundred attempts');
}
