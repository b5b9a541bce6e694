/** Steps that end with the answer. */
import { type Answer, type Asked, answerText, type Operation } from './operation.ts';
import type { Profile, State } from './state.ts';
import { done, type Move } from './task.ts';

/** Ends the operation with this one answer; not possible if another one was answered. */
export function says(state: State, { answers }: Operation, expected: Answer): Move[] {
  const matches = answers.length === 1 && answerText(answers[0]) === answerText(expected);
  return matches ? [{ state, task: done }] : [];
}

export function refuses(state: State, operation: Operation, word: string): Move[] {
  return says(state, operation, { io: 'error', word });
}

/** A profile as it is answered: without its presence if the request had none. */
export function profileAnswer({ kind, phone, size }: Asked, profile: Profile): Answer {
  return { kind, phone, size, balance: 0, profile: size === 7 ? { ...profile, presence: '' } : profile };
}

/** The time in the answer where the server sets it. The model only checks that it lies within the request's time. */
export function serverTime({ answers, time }: Operation): number | undefined {
  const [answer] = answers;
  if (answer === undefined || 'io' in answer) return undefined;
  const { update } = answer.profile;
  return update >= time.from && update <= time.to ? update : undefined;
}
