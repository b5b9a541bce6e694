import type { EventLoopUtilization } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** Work rests for twice the time that it kept the event loop busy: two thirds are left for everything else. */
const restShare = 2;

const maxRestMs = 100;

/** Does long work in small parts, one at a time and in order, and leaves most of the event loop to everything else. */
export class Background {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs when all that came before has run. @throws what `part` throws; others go on. */
  run<T>(part: () => Promise<T>): Promise<T> {
    let before: EventLoopUtilization | undefined;
    const done = this.#last.then(() => {
      before = performance.eventLoopUtilization();
      return part();
    });
    const rest = () =>
      sleep(Math.min(restShare * performance.eventLoopUtilization(before).active, maxRestMs));
    this.#last = done.then(rest, rest);
    return done;
  }
}
