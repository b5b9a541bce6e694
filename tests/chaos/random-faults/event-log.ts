import type { RequestKind } from '../../../src/handlers/index.ts';
import { Timeline } from './timeline.ts';

/** Things that must never happen; one line of the check for each. */
export const violationKinds = {
  unanswered: 'requests without an answer',
  twice: 'effects that happened twice',
  missing: 'effects answered but not happened',
  wrong: 'wrong answers',
  notice: 'notices missing',
  store: 'stores that differ from the model',
  late: 'requests stranded for more than 15 s after a kill',
  worker: 'workers that failed',
} as const;

export type ViolationKind = keyof typeof violationKinds;

/** Things that are counted separately, and why. */
const dropped = 'requests that a restarted broker dropped, as nobody was subscribed yet';
const forgotten = 'what a killed broker forgot, or gave out again: all since its last save';
const lost = 'changes that Redis had confirmed and a fail-over lost: replication is asynchronous';

/** One request and its answer; times are milliseconds of `performance.now()`. */
export interface Sample {
  readonly kind: RequestKind;
  readonly sentAt: number;
  /** Infinite if none arrived. */
  readonly answeredAt: number;
}

/** Records all events of a run for the check. */
export class EventLog {
  readonly timeline = new Timeline();
  readonly samples: Sample[] = [];
  readonly violations: { readonly kind: ViolationKind; readonly what: string }[] = [];
  /** Events that are explained by a guarantee of the broker or Redis, or by a documented window; counted separately. */
  readonly apart = new Map<string, number>();
  readonly #print: (line: string) => void;
  readonly #begun = performance.now();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Prints an event with the seconds since the beginning. */
  say(line: string): void {
    this.#print(`${this.at(performance.now()).padStart(8)}  ${line}`);
  }

  /** A time in the printed form. */
  at(time: number): string {
    return `${((time - this.#begun) / 1000).toFixed(1)} s`;
  }

  violation(kind: ViolationKind, what: string): void {
    this.violations.push({ kind, what });
    this.say(`VIOLATION (${kind}) ${what}`);
  }

  /**
   * Records that no answer to a request arrived.
   * @param how - `wrongSince` is set when another message arrived, which may have been its answer.
   */
  unanswered(
    what: string,
    how: { sentAt: number; isToldUnsubscribed: boolean; wrongSince?: number | '' },
  ): void {
    const { sentAt, isToldUnsubscribed, wrongSince = '' } = how;
    if (this.timeline.hadNoSubscriber(sentAt)) this.explained(dropped);
    else if (this.timeline.had(sentAt, performance.now(), ['killBroker'])) this.explained(forgotten);
    else if (wrongSince !== '') this.differs('unanswered', what, wrongSince);
    else this.violation('unanswered', isToldUnsubscribed ? `${what}\nthe broker had no subscriber` : what);
  }

  /** Records that something is wrong since a time when it was right. */
  differs(kind: ViolationKind, what: string, since: number): void {
    const now = performance.now();
    const explanation = this.timeline.hadFailover(since, now)
      ? lost
      : this.timeline.had(since, now, ['killBroker'])
        ? forgotten
        : undefined;
    if (explanation === undefined) this.violation(kind, what);
    else {
      this.explained(explanation);
      this.say(`apart: ${what}`);
    }
  }

  explained(what: string): void {
    this.apart.set(what, (this.apart.get(what) ?? 0) + 1);
  }

  answered(sample: Sample): void {
    this.samples.push(sample);
  }
}
