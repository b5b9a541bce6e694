/** What contacts are to hear, and when. */
import { isNotified } from './notifying.ts';
import type { Operation } from './operation.ts';
import { drop, type Profile, type State } from './state.ts';
import { done, type Entry, type Move, type News, type Task } from './task.ts';

/**
 * What contacts hear of an `update` is the profile as it is when they hear, under the phone that it has by then. Of two
 * updates that both wait one is enough. A removal is the last that they hear.
 */
export function readNews(before: State, { asked }: Operation): Move[] {
  const at = before.unnotified.indexOf(asked.phone);
  const state = { ...before, unnotified: before.unnotified.toSpliced(at, 1) };
  const followed = before.followed[asked.phone];
  const isOther = state.unnotified.includes(asked.phone) || state.unnotified.includes(followed ?? '');
  const phones = [asked.phone, ...(followed === undefined ? [] : [followed])];
  const told = phones.flatMap((phone) => {
    const profile = state.profiles[phone];
    return profile === undefined ? [] : [{ state, task: readMove(state, phone, profile) }];
  });
  const isGone = state.profiles[asked.phone] === undefined || followed !== undefined;
  return [...told, ...(isOther || isGone ? [{ state, task: done }] : [])];
}

/** An update of a profile whose move is not complete first notifies its contacts of the move. */
function readMove(state: State, phone: string, profile: Profile): Task {
  const news = newsOf(profile);
  const notifying = { ...toNotify(news, entriesOf(profile, news)), phone };
  const from = state.moved[phone];
  return from === undefined ? notifying : { ...notifying, news: { is: 'moved', from }, afterwards: news };
}

export function toNotify(news: News, all: readonly Entry[]) {
  return { step: 'notify', answered: true, news, all, left: all } as const;
}

export function newsOf({ update, presence }: Profile): News {
  return { is: 'state', update, presence };
}

/** All counterparties are notified. */
export function notified(state: State, operation: Operation, task: Task & { step: 'notify' }): Move[] {
  const { news, afterwards } = task;
  const phone = task.phone ?? operation.asked.phone;
  const present = state.profiles[phone];
  if (afterwards !== undefined) {
    const read = present === undefined ? [afterwards] : [afterwards, newsOf(present)];
    return read.map((next) => ({ state, task: { ...toNotify(next, entriesOf(present, next)), phone } }));
  }
  if (news.is === 'moved') {
    // The end of a move also removes all other proposals to that phone.
    const over = { ...state, moved: drop(state.moved, phone), askedBy: drop(state.askedBy, phone) };
    return [{ state: phone in state.moved ? over : state, task: done }];
  }
  if (news.is !== 'deleted') return [{ state, task: done }];
  const removing = state.removing.toSpliced(state.removing.indexOf(phone), 1);
  return [{ state: { ...state, removing }, task: done }];
}

/** The contacts of a profile that may receive a notice. */
export function entriesOf(profile: Profile | undefined, news: News): Entry[] {
  return (profile?.rosters ?? []).flatMap((roster) => {
    if (typeof roster === 'number') return [];
    const listening = roster.contacts.filter((contact) => isNotified(contact, news));
    return listening.map(({ phoneId }) => ({ roster: roster.id, phoneId }));
  });
}
