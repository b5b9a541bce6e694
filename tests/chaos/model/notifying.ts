/** Counterparties: a profile's entry in the rosters of its contacts. */
import type { Operation } from './operation.ts';
import { type Contact, type Profile, put, type State } from './state.ts';
import type { Entry, Move, News, Task } from './task.ts';

/**
 * Notifies any one of the remaining contacts: a change of its entry and a notice, if it has the profile as a contact.
 */
export function notify(state: State, operation: Operation, task: Task & { step: 'notify' }): Move[] {
  return task.left.flatMap((entry, index) => {
    const after = { ...task, left: task.left.toSpliced(index, 1) };
    return notifyOne(state, phoneOf(operation, task), entry, task.news).map((move) => ({
      ...move,
      task: after,
    }));
  });
}

/** Removes the contacts that need no notice. Valid only while none of them can start to need one. */
export function withoutIdle(state: State, operation: Operation, task: Task): Task {
  if (task.step !== 'notify') return task;
  const left = task.left.filter((entry) => {
    const [move, ...others] = notifyOne(state, phoneOf(operation, task), entry, task.news);
    return others.length > 0 || move?.state !== state || move.notices !== undefined;
  });
  return left.length === task.left.length ? task : { ...task, left };
}

/** Whose contacts are told. */
function phoneOf({ asked }: Operation, task: Task & { step: 'notify' }): string {
  return task.phone ?? asked.phone;
}

function notifyOne(state: State, phone: string, entry: Entry, news: News): Omit<Move, 'task'>[] {
  const [other = '', theirRoster = ''] = entry.phoneId.split('_');
  const us = news.is === 'moved' ? news.from : phone;
  const theirs = state.profiles[other];
  if (theirs === undefined) return [{ state }];
  const phoneId = `${us}_${entry.roster}`;
  const present = entryOf(theirs, theirRoster, phoneId);
  if (present !== undefined && !isNotified(present, news)) return [{ state }];
  const banned = entryOf(theirs, theirRoster, `${phone}_${entry.roster}`);
  if (news.is === 'moved' && present !== undefined && banned !== undefined && bans.includes(banned.status)) {
    const profile = withoutEntry(theirs, theirRoster, present);
    return [{ state: { ...state, profiles: put(state.profiles, other, profile) } }];
  }
  const changed = changeEntry(theirs, theirRoster, phoneId, (contact) =>
    changes(contact, news, phone, entry),
  );
  if (changed !== undefined) {
    const next = { ...state, profiles: put(state.profiles, other, changed.profile) };
    return [{ state: next, notices: told(other, changed.contact, news, entry) }];
  }
  if (news.is !== 'moved') return [{ state }];
  // The entry has the new name already: nothing changes, and a notice may or may not follow.
  const renamed = entryOf(theirs, theirRoster, `${phone}_${entry.roster}`);
  return renamed === undefined || !isNotified(renamed, news)
    ? [{ state }]
    : [{ state }, { state, notices: told(other, renamed, news, entry) }];
}

/** After a move the old name is told as deleted, before the new one. */
function told(phone: string, contact: Contact, news: News, { roster }: Entry) {
  if (news.is !== 'moved') return [{ phone, contact }];
  const former = { ...contact, phoneId: `${news.from}_${roster}`, status: 'deleted' };
  return [
    { phone, contact: former },
    { phone, contact },
  ];
}

/**
 * Whether a contact, on either side, lets its phone receive a notice: only friends do, and for a removal open
 * requests too.
 */
export function isNotified({ status }: Contact, { is }: News): boolean {
  return is === 'deleted' ? status !== 'deleted' && !bans.includes(status) : !silent.includes(status);
}

const bans = ['ban', 'banned', 'ignore'];

const silent = ['request', 'authorization', 'ignore', 'ban', 'banned', 'deleted', 'nonexised'];

function changes(contact: Contact, news: News, phone: string, { roster }: Entry): Contact {
  switch (news.is) {
    case 'state':
      return { ...contact, update: news.update, presence: news.presence };
    case 'deleted':
      return { ...contact, status: 'deleted' };
    case 'moved':
      return { ...contact, phoneId: `${phone}_${roster}` };
  }
}

/**
 * A profile with one contact changed; `undefined` if it has none of that name there. An older entry with the new name
 * is removed.
 */
function changeEntry(
  profile: Profile,
  rosterId: string,
  phoneId: string,
  change: (contact: Contact) => Contact,
): { profile: Profile; contact: Contact } | undefined {
  const contact = entryOf(profile, rosterId, phoneId);
  if (contact === undefined) return undefined;
  const changed = change(contact);
  const rosters = profile.rosters.map((roster) => {
    if (typeof roster === 'number' || String(roster.id) !== rosterId) return roster;
    const contacts = roster.contacts
      .filter((each) => each === contact || each.phoneId !== changed.phoneId)
      .map((each) => (each === contact ? changed : each));
    return { ...roster, contacts };
  });
  return { profile: { ...profile, rosters }, contact: changed };
}

function withoutEntry(profile: Profile, rosterId: string, contact: Contact): Profile {
  const rosters = profile.rosters.map((roster) =>
    typeof roster === 'number' || String(roster.id) !== rosterId
      ? roster
      : { ...roster, contacts: roster.contacts.filter((each) => each !== contact) },
  );
  return { ...profile, rosters };
}

function entryOf(profile: Profile, rosterId: string, phoneId: string): Contact | undefined {
  const roster = profile.rosters.find((each) => typeof each !== 'number' && String(each.id) === rosterId);
  return typeof roster === 'object'
    ? roster.contacts.find((contact) => contact.phoneId === phoneId)
    : undefined;
}
