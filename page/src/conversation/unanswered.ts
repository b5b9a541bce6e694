import type { Part } from '../../../dev/page/shapes.ts';
import { readyWorkers, span, type Waiting } from '../readiness/waiting.ts';

/** Longer than a worker may take over a request. */
export const patienceSeconds = 60;

/** What the page knows while a request has no answer. */
export interface Unanswered {
  /** Since it was sent. */
  readonly seconds: number;
  /** What is waited for, workers included; empty when nothing is missing. */
  readonly waiting: readonly Waiting[];
  /** As the server of the page has said; empty if it has not. */
  readonly parts: readonly Part[];
}

/** @returns what is said below the request while it waits. */
export function waitingWords({ seconds, waiting, parts }: Unanswered): string {
  const since = seconds > 0 ? ` for ${span(seconds)}` : '';
  const nobody = nobodyWords(parts);
  if (nobody !== '')
    return `waiting for the answer${since}: ${nobody}; it is given up after ${patienceSeconds} s`;
  const names = waiting.map(({ name }) => name);
  return `waiting for the answer${since}${names.length > 0 ? `, and for ${names.join(', ')}` : ''}`;
}

/** @returns what is said when it was given up; `undefined` before that. */
export function givenUpWords({ seconds, waiting, parts }: Unanswered): string | undefined {
  if (seconds < patienceSeconds) return undefined;
  const missing = waiting.map(reason).join('; ');
  const why = nobodyWords(parts) || (missing === '' ? 'no cause is known' : `waited for ${missing}`);
  return `no answer after ${patienceSeconds} s, given up: ${why}. Send it again; an answer that still comes is shown here.`;
}

/** That no worker takes requests, and why none does; `''` when one does, or it is not known. */
function nobodyWords(parts: readonly Part[]): string {
  const workers = parts.filter(({ kind }) => kind !== 'redis');
  if (workers.length === 0 || readyWorkers(workers).ready > 0) return '';
  return `no worker is subscribed (${workers.map(reason).join('; ')})`;
}

const reason = ({ name, causes, forSeconds }: Waiting): string =>
  `${name}: ${causes.join(', ')} for ${span(forSeconds)}`;
