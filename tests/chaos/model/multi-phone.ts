/**
 * The contract of the requests that change more than one phone, in several steps. Each step is one change; other
 * requests may come between two.
 */

import { profileAnswer, refuses, says } from './answering.ts';
import { isBusy, isTaken, list, meant, migrate, want } from './migration.ts';
import { entriesOf, newsOf, notified, readNews, toNotify } from './news.ts';
import { notify } from './notifying.ts';
import type { Asked, Operation, Outside, PhoneOperation } from './operation.ts';
import { type Contact, drop, emptyProfile, type Moment, type Profile, put, type State } from './state.ts';
import type { Move, News, Task } from './task.ts';

export function advanceSpanning(outside: Outside, state: State, operation: Operation, task: Task): Move[] {
  switch (task.step) {
    case 'start':
      return begin(outside, state, operation);
    case 'want':
      return want(outside, state, operation, task);
    case 'list':
      return list(state, operation, task);
    case 'claimed':
      return beginMove(released(state, operation.asked.phone, task.from), operation, task.from);
    case 'arrive':
      return arrive(outside, state, operation, task);
    case 'sessions':
      return endSessions(state, operation, task);
    case 'listeners':
      return [
        { state, task: { step: 'say', answered: false, news: task.news, copies: others(state, operation) } },
      ];
    case 'say': {
      const profile = state.profiles[operation.asked.phone];
      if (profile === undefined) return refuses(state, operation, 'not_authorized');
      const said = says(state, operation, profileAnswer(operation.asked, profile));
      const next = {
        step: 'entries',
        answered: true,
        news: task.news,
        all: entriesOf(profile, task.news),
      } as const;
      return withTask(said, next).map((move) => ({ ...move, copies: task.copies }));
    }
    case 'entries':
      return task.news.is === 'state'
        ? readNews(state, operation)
        : [{ state, task: toNotify(task.news, task.all) }];
    case 'notify':
      return task.left.length > 0 ? notify(state, operation, task) : notified(state, operation, task);
    default:
      return [];
  }
}

function withTask(moves: Move[], task: Task): Move[] {
  return moves.map((move) => ({ ...move, task }));
}

function begin(outside: Outside, state: State, operation: Operation): Move[] {
  const { asked } = operation;
  switch (asked.kind) {
    case 'update':
      return update(state, operation, asked);
    case 'remove':
      return remove(state, operation);
    case 'migrate':
      return migrate(outside, state, operation);
    case 'phone':
      return phone(outside, state, { ...operation, asked });
    default:
      return [];
  }
}

function update(state: State, operation: Operation, asked: Asked & { kind: 'update' }): Move[] {
  const profile = state.profiles[asked.phone];
  if (profile === undefined) return refuses(state, operation, 'not_found');
  const isTaken = asked.time > profile.update && asked.time <= operation.time.to + maxAheadMs;
  const next = {
    ...profile,
    ...(isTaken && { update: asked.time }),
    ...(asked.size === 8 && asked.presence !== '' && { presence: asked.presence }),
  };
  const news = newsOf(next);
  const profiles = put(state.profiles, asked.phone, next);
  const after = { ...state, profiles, unnotified: [...state.unnotified, asked.phone] };
  const task: Task = { step: 'entries', answered: true, news, all: entriesOf(next, news) };
  return withTask(says(after, operation, profileAnswer(asked, next)), task);
}

const maxAheadMs = 5 * 60_000;

function remove(state: State, operation: Operation): Move[] {
  const { phone, size, kind } = operation.asked;
  const profile = state.profiles[phone];
  if (profile === undefined) return refuses(state, operation, 'not_found');
  const refusals = isBusy(state, phone) ? refuses(state, operation, 'busy') : [];
  if (refusals.length > 0) return refusals;
  const copies = others(state, operation);
  const expected = { kind, phone, size, balance: 0, profile: emptyProfile };
  const gone = forgotten(ended(state, phone), phone);
  const removed = says({ ...gone, removing: [...gone.removing, phone] }, operation, expected).map((move) => ({
    ...move,
    copies,
    task: { step: 'sessions', answered: false, entries: entriesOf(profile, deleted), news: deleted } as const,
  }));
  // The contacts may still be to hear of a removal before this one.
  return state.removing.includes(phone) ? [...removed, ...refuses(state, operation, 'busy')] : removed;
}

/** The other clients with a session of the phone. */
function others({ sessions }: State, { client, asked }: Operation): string[] {
  return Object.keys(sessions).filter((each) => sessions[each] === asked.phone && each !== client);
}

const deleted: News = { is: 'deleted' };

/** The state without a phone's profile, and with its sessions about to end. */
function ended(state: State, phone: string): State {
  return {
    ...state,
    profiles: drop(state.profiles, phone),
    askedBy: drop(state.askedBy, phone),
    ending: [...state.ending, phone],
  };
}

/** The state without the rest of a phone, except its limits; the next step ends its sessions. */
function forgotten(state: State, phone: string): State {
  return {
    ...state,
    codes: drop(state.codes, phone),
    credentials: drop(state.credentials, phone),
    wants: drop(state.wants, phone),
  };
}

function released(state: State, phone: string, from: string): State {
  const index = state.claimed.findIndex((each) => each.to === phone && each.from === from);
  return { ...state, claimed: state.claimed.toSpliced(index, 1) };
}

function phone(outside: Outside, state: State, operation: PhoneOperation): Move[] {
  const { asked } = operation;
  const present = state.profiles[asked.phone];
  const moves = [
    ...takeUp(state, operation),
    ...busyElsewhere(state, operation),
    ...takeOver(state, operation),
  ];
  const from = meant(outside, state, operation);
  // The model does not check whether a proposal to an occupied phone was in vain.
  const isAsked = state.askedBy[asked.phone] !== undefined;
  const refusals = isTaken(present) && isAsked ? refuses(state, operation, 'already_exists') : [];
  if (from === undefined) return [...moves, ...refusals, ...refuses(state, operation, 'not_authorized')];
  if (isTaken(present)) return [...moves, ...refusals];
  if (outside.sawMove) {
    const claimed = { ...state, claimed: [...state.claimed, { from, to: asked.phone }] };
    moves.push({ state: claimed, task: { step: 'claimed', answered: false, from } });
  }
  return [...moves, ...beginMove(state, operation, from)];
}

/** Another request confirms the same move: this one may continue it, and notify counterparties too. */
function takeUp(state: State, operation: PhoneOperation): Move[] {
  const { asked } = operation;
  const from = state.moved[asked.phone];
  const present = state.profiles[asked.phone];
  if (from === undefined || present === undefined || (asked.old ?? from) !== from) return [];
  const news: News = { is: 'moved', from };
  return [{ state, task: { step: 'listeners', answered: false, news } }];
}

/** Another request has prepared a move that has not begun: this one may begin it. */
function takeOver(state: State, operation: PhoneOperation): Move[] {
  const { phone, old } = operation.asked;
  const inHand = state.claimed.filter(({ to, from }) => to === phone && (old ?? from) === from);
  return inHand.flatMap(({ from }) => beginMove(state, operation, from));
}

/** Another phone than the named one is moving there, or about to. */
function busyElsewhere(state: State, operation: PhoneOperation): Move[] {
  const { phone, old } = operation.asked;
  const isElsewhere = old !== undefined && isBusy(state, phone) && state.moved[phone] !== old;
  return isElsewhere ? refuses(state, operation, 'busy') : [];
}

/** The profile of an old phone leaves it, unless the move was withdrawn. */
function beginMove(state: State, operation: Operation, from: string): Move[] {
  const { phone } = operation.asked;
  const profile = state.profiles[from];
  if (profile === undefined || state.wants[from] !== phone)
    return refuses(state, operation, 'not_authorized');
  const busy = isBusy(state, from) ? refuses(state, operation, 'busy') : [];
  if (busy.length > 0) return busy;
  const next = { ...ended(state, from), moved: put(state.moved, phone, from) };
  return [{ state: next, task: { step: 'arrive', answered: false, from, profile } }];
}

/** The profile that left the old phone arrives at the new one, or returns if that one is taken by now. */
function arrive(
  { updates }: Outside,
  state: State,
  operation: Operation,
  { from, profile }: Task & { step: 'arrive' },
): Move[] {
  const { asked } = operation;
  if (isTaken(state.profiles[asked.phone])) {
    const back = {
      ...state,
      profiles: put(state.profiles, from, profile),
      moved: drop(state.moved, asked.phone),
      ending: state.ending.filter((phone) => phone !== from),
    };
    return refuses(back, operation, 'already_exists');
  }
  const times = arrivals(updates, operation.time);
  return times.map((update) => {
    const arrived = { ...withOwnRenamed(profile, from, asked.phone), update };
    const next = {
      ...state,
      profiles: put(state.profiles, asked.phone, arrived),
      followed: put(state.followed, from, asked.phone),
    };
    const task: Task = { step: 'sessions', answered: false, entries: [], news: { is: 'moved', from } };
    return { state: next, task };
  });
}

/**
 * The times at which it may have arrived. They may differ from that of its own answer: another request may have changed
 * the profile before that was read. If that one set a later time, no answer shows when the profile arrived.
 */
function arrivals(updates: readonly number[], { from, to }: Moment): number[] {
  const shown = updates.filter((time) => time >= from && time <= to);
  return updates.some((time) => time > to) ? [...shown, from] : shown;
}

/** Renames a profile's entry for itself; an older entry with the new name is removed. */
function withOwnRenamed(profile: Profile, from: string, to: string): Profile {
  const rosters = profile.rosters.map((roster) => {
    if (typeof roster === 'number') return roster;
    const isOwn = ({ phoneId }: Contact) => phoneId.startsWith(`${from}_`);
    const renamed = ({ phoneId }: Contact) => `${to}${phoneId.slice(from.length)}`;
    const newNames = roster.contacts.filter(isOwn).map(renamed);
    const contacts = roster.contacts
      .filter(({ phoneId }) => !newNames.includes(phoneId))
      .map((contact) => (isOwn(contact) ? { ...contact, phoneId: renamed(contact) } : contact));
    return { ...roster, contacts };
  });
  return { ...profile, rosters };
}

/** Ends the sessions of a phone that is gone: deleted, or moved to the new phone. */
function endSessions(state: State, operation: Operation, task: Task & { step: 'sessions' }): Move[] {
  const { news, entries } = task;
  const gone = news.is === 'moved' ? news.from : operation.asked.phone;
  const sessions = Object.entries(state.sessions).flatMap(([client, phone]) => {
    if (phone !== gone) return [[client, phone] as const];
    return news.is === 'moved' ? [[client, operation.asked.phone] as const] : [];
  });
  const next = {
    ...(news.is === 'moved' ? forgotten(state, gone) : state),
    sessions: Object.fromEntries(sessions),
    ending: state.ending.filter((phone) => phone !== gone),
  };
  const tellNext: Task =
    news.is === 'moved'
      ? { step: 'listeners', answered: false, news }
      : { step: 'notify', answered: true, news, all: entries, left: entries };
  return [{ state: next, task: tellNext }];
}
