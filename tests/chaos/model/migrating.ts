/** The contract of `migrate`: the old phone's wish and the new phone's pending request are two steps. */
import type { Operation, Outside } from './operation.ts';
import { refuses, says } from './saying.ts';
import { drop, type Profile, put, type State } from './state.ts';
import type { Move, Task } from './task.ts';

export function migrate(state: State, operation: Operation): Move[] {
  const { asked, client } = operation;
  const old = state.sessions[client] ?? '';
  const isRefused = old === asked.phone || isTaken(state.profiles[asked.phone]);
  const refusals = [
    ...(isRefused || isBusy(state, asked.phone) ? refuses(state, operation, 'already_exists') : []),
    ...(state.profiles[old] === undefined ? refuses(state, operation, 'not_found') : []),
  ];
  if (refusals.length > 0 || isRefused || state.profiles[old] === undefined) return refusals;
  const before = state.wants[old];
  const next = { ...state, wants: put(state.wants, old, asked.phone) };
  return [{ state: next, task: { step: 'ask', answered: false, old, before } }];
}

/** The old phone wants to move; now the new one is asked, which another profile may be moving to by now. */
export function askNewPhone(
  { skipped }: Outside,
  state: State,
  operation: Operation,
  { old, before }: Task & { step: 'ask' },
): Move[] {
  const { asked, time } = operation;
  if (isTaken(state.profiles[asked.phone]) || isBusy(state, asked.phone)) {
    const isOurs = state.wants[old] === asked.phone;
    const earlier = before === undefined ? drop(state.wants, old) : put(state.wants, old, before);
    return refuses(isOurs ? { ...state, wants: earlier } : state, operation, 'already_exists');
  }
  const until = { from: time.from + skipped + dayMs, to: time.to + skipped + dayMs };
  const next = { ...state, askedBy: put(state.askedBy, asked.phone, { old, until }) };
  return says(next, operation, { io: 'ok', word: 'migration' });
}

const dayMs = 24 * 60 * 60_000;

/** Whether a profile must not be replaced by one that moves. */
export function isTaken(profile: Profile | undefined): boolean {
  return (
    profile !== undefined &&
    (profile.rosters.length > 0 || profile.services.some(({ status }) => status === 'verified'))
  );
}

/** Whether a profile is just moving to a phone, or about to. */
export function isBusy({ moved, claimed }: State, phone: string): boolean {
  return phone in moved || claimed.includes(phone);
}
