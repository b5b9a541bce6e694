/**
 * The contract of `migrate`, and which proposal a `phone` confirms. A proposal has three steps: the new phone may be
 * asked for, the old phone wants to move there, the new phone lists it.
 */

import { refuses, says } from './answering.ts';
import { recentSlots, withSlot } from './mail.ts';
import type { Operation, Outside, PhoneOperation } from './operation.ts';
import { type Moment, type Profile, put, type State } from './state.ts';
import type { Move, Task } from './task.ts';

export function migrate(outside: Outside, before: State, operation: Operation): Move[] {
  const { asked, client } = operation;
  const old = before.sessions[client] ?? '';
  if (old === asked.phone) return refuses(before, operation, 'already_exists');
  if (recentSlots(before.proposalSlots, old, outside, operation).length >= maxProposals)
    return refuses(before, operation, 'too_many_requests');
  const state = { ...before, proposalSlots: withSlot(before.proposalSlots, old, outside, operation) };
  const isRefused = isTaken(state.profiles[asked.phone]);
  const refusals = [
    ...(isRefused || isBusy(state, asked.phone) ? refuses(state, operation, 'already_exists') : []),
    ...(state.profiles[old] === undefined ? refuses(state, operation, 'not_found') : []),
  ];
  if (refusals.length > 0 || isRefused || state.profiles[old] === undefined) return refusals;
  return [{ state, task: { step: 'want', answered: false, old } }];
}

/** The new phone may be asked for. The old one now wants to move there, unless its profile has gone. */
export function want(
  { skipped }: Outside,
  state: State,
  operation: Operation,
  { old }: Task & { step: 'want' },
): Move[] {
  const { asked, client, time } = operation;
  const until = { from: time.from + skipped + dayMs, to: time.to + skipped + dayMs };
  const proposals = put(state.proposals, client, { old, phone: asked.phone, until });
  if (state.profiles[old] === undefined) return refuses({ ...state, proposals }, operation, 'not_found');
  const next = { ...state, proposals, wants: put(state.wants, old, asked.phone) };
  return [{ state: next, task: { step: 'list', answered: false, old, until } }];
}

export function list(state: State, operation: Operation, { old, until }: Task & { step: 'list' }): Move[] {
  const { phone } = operation.asked;
  const others = (state.askedBy[phone] ?? []).filter((each) => each.old !== old);
  const next = { ...state, askedBy: put(state.askedBy, phone, [...others, { old, until }]) };
  return says(next, operation, { io: 'ok', word: 'migration' });
}

/** Of one old phone within an hour. */
const maxProposals = 30;

const dayMs = 24 * 60 * 60_000;

/**
 * The old phone whose proposal a `phone` confirms: the named one, else the one that its client proposed, else the
 * only one.
 */
export function meant(
  { skipped }: Outside,
  state: State,
  { asked, client, time }: PhoneOperation,
): string | undefined {
  const isGood = ({ to }: Moment) => to > time.from + skipped;
  const standing = (state.askedBy[asked.phone] ?? [])
    .filter(({ old, until }) => state.wants[old] === asked.phone && isGood(until))
    .map(({ old }) => old)
    .filter((old) => state.profiles[old] !== undefined);
  const own = state.proposals[client];
  const ofClient = own?.phone === asked.phone && isGood(own.until) ? own.old : undefined;
  const one = asked.old ?? ofClient;
  if (one !== undefined) return standing.includes(one) ? one : undefined;
  return standing.length === 1 ? standing[0] : undefined;
}

/** Whether a profile exists that a moving one must not replace. */
export function isTaken(profile: Profile | undefined): boolean {
  return (
    profile !== undefined &&
    (profile.rosters.length > 0 || profile.services.some(({ status }) => status === 'verified'))
  );
}

/** Whether a profile is moving to a phone, or about to. */
export function isBusy({ moved, claimed }: State, phone: string): boolean {
  return phone in moved || claimed.some(({ to }) => to === phone);
}
