/** The contract of `link` and `email`. `link` checks two limits, one after the other, and waits for the mail server. */

import { refuses, says } from './answering.ts';
import { type Asked, answerText, type Operation, type Outside } from './operation.ts';
import {
  codeMs,
  dayMs,
  drop,
  emptyProfile,
  hourMs,
  type Moment,
  maxTries,
  type Profile,
  put,
  type QuotaSlot,
  type State,
} from './state.ts';
import { done, type Move, type Task } from './task.ts';

export function link(state: State, operation: Operation, { address }: Asked & { kind: 'link' }): Move[] {
  if (!address.includes('@')) return refuses(state, operation, 'invalid_email');
  const services = state.profiles[operation.asked.phone]?.services ?? [];
  const isOwn = services.some(({ id, status }) => id === address && status === 'verified');
  return [{ state, task: { step: 'check', answered: false, isOwn } }];
}

const mailingSteps = ['check', 'limit', 'address', 'mail', 'remember'] as const;

type Mailing = Extract<Task, { step: (typeof mailingSteps)[number] }>;

export const isMailing = (task: Task): task is Mailing => mailingSteps.some((step) => step === task.step);

/** The steps of a `link` or `email` after the first. */
export function advanceMailing(outside: Outside, state: State, operation: Operation, task: Mailing): Move[] {
  switch (task.step) {
    case 'check':
      return linkChecked(outside, state, operation, task);
    case 'limit':
      return linkPhone(outside, state, operation, task);
    case 'address':
      return linkAddress(outside, state, operation);
    case 'mail':
      return mail(outside, state, operation);
    case 'remember':
      return remember(state, operation);
  }
}

type Checking = { readonly isOwn: boolean };

function linkChecked(outside: Outside, state: State, operation: Operation, task: Checking): Move[] {
  const { asked } = operation;
  if (asked.kind !== 'link') return [];
  if (wrongCodesOf(outside, state, operation, asked).length >= maxWrongCodes)
    return refuses(state, operation, 'too_many_requests');
  const isOwn = task.isOwn || (state.confirmed[asked.phone] ?? []).includes(asked.address);
  return [{ state, task: { step: 'limit', answered: false, isOwn } }];
}

/** Only the phone's limit applies to a phone that has confirmed the address. */
function linkPhone(outside: Outside, state: State, operation: Operation, { isOwn }: Checking): Move[] {
  if (!mayMailOf(outside, state, operation)) return refuses(state, operation, 'too_many_requests');
  const phonePlaces = withSlot(state.phoneSlots, operation.asked.phone, outside, operation);
  const next = { ...state, phoneSlots: phonePlaces };
  if (isOwn) return attempt(outside, next, operation);
  return [{ state: next, task: { step: 'address', answered: false } }];
}

/** The last limit counts what is handed to the mail server, and gives nothing back. */
function attempt(outside: Outside, state: State, operation: Operation): Move[] {
  const { phone } = operation.asked;
  if (recentSlots(state.attempts, phone, outside, operation).length >= maxAttempts)
    return refuses(released(state, operation), operation, 'too_many_requests');
  const attempts = withSlot(state.attempts, phone, outside, operation);
  return [{ state: { ...state, attempts }, task: { step: 'mail', answered: false } }];
}

/** Releases the quota slot of the phone if the address has none free; others may have seen it taken meanwhile. */
function linkAddress(outside: Outside, state: State, operation: Operation): Move[] {
  const { asked } = operation;
  if (asked.kind !== 'link') return [];
  const recent = recentSlots(state.addressSlots, asked.address, outside, operation);
  if (recent.length >= maxOfAddress)
    return refuses(released(state, operation), operation, 'too_many_requests');
  const addressPlaces = withSlot(state.addressSlots, asked.address, outside, operation);
  return attempt(outside, { ...state, addressSlots: addressPlaces }, operation);
}

type Slots = State['phoneSlots'];

export function withSlot(slots: Slots, name: string, { skipped }: Outside, { id, time }: Operation): Slots {
  const place: QuotaSlot = { operation: id, taken: { from: time.from + skipped, to: time.to + skipped } };
  return put(slots, name, [...(slots[name] ?? []), place]);
}

function mail(outside: Outside, state: State, operation: Operation): Move[] {
  const { asked } = operation;
  if (asked.kind !== 'link') return [];
  const { phone, address } = asked;
  if (outside.mail === 'refuses') return refuses(released(state, operation), operation, 'email_send');
  // The phone was removed or has moved while the mail was in flight: nothing restores it.
  if (state.sessions[operation.client] !== phone || state.ending.includes(phone)) {
    return refuses(state, operation, 'not_authorized');
  }
  const code = outside.mailed.get(address);
  if (code === undefined || answerText(operation.answers[0]) !== sent) return [];
  const mailed = { from: operation.time.from + outside.skipped, to: operation.time.to + outside.skipped };
  const codes = put(state.codes[phone] ?? {}, address, { code, tries: 0, mailed });
  const profile = withEmail(state.profiles[phone] ?? emptyProfile, address, 'added');
  const next = {
    ...state,
    codes: put(state.codes, phone, codes),
    profiles: put(state.profiles, phone, profile),
  };
  return [{ state: next, task: done }];
}

const sent = answerText({ io: 'ok', word: 'email_sent' });

/** The limits without the slots that an operation took. */
function released(state: State, { id, asked }: Operation): State {
  if (asked.kind !== 'link') return state;
  const without = (places: Slots, name: string) =>
    name in places
      ? put(
          places,
          name,
          (places[name] ?? []).filter(({ operation }) => operation !== id),
        )
      : places;
  return {
    ...state,
    phoneSlots: without(state.phoneSlots, asked.phone),
    addressSlots: without(state.addressSlots, asked.address),
  };
}

export function recentSlots(
  slots: Slots,
  name: string,
  { skipped }: Outside,
  { time }: Operation,
): QuotaSlot[] {
  return (slots[name] ?? []).filter(({ taken }) => taken.to + hourMs > time.to + skipped);
}

/** Whether the phone's limit allows another code mail. */
function mayMailOf(outside: Outside, state: State, operation: Operation): boolean {
  const recent = recentSlots(state.phoneSlots, operation.asked.phone, outside, operation);
  const now = operation.time.to + outside.skipped;
  return recent.length < maxOfPhone && recent.every(({ taken }) => taken.to + apartMs <= now);
}

const apartMs = 60_000;
const maxOfPhone = 5;
const maxOfAddress = 10;
const maxAttempts = 30;
const maxWrongCodes = 10;

/** The codes that a phone has tried for an address within a day. */
function wrongCodesOf(
  { skipped }: Outside,
  { wrongCodes }: State,
  { time }: Operation,
  { phone, address }: { phone: string; address: string },
): readonly Moment[] {
  const all = wrongCodes[phone]?.[address] ?? [];
  return all.filter(({ to }) => to + dayMs > time.to + skipped);
}

/** A profile's services with an e-mail address in this status. */
function withEmail(profile: Profile, address: string, status: 'added' | 'verified'): Profile {
  const others = profile.services.filter(({ type, id }) => type !== 'email' || id !== address);
  return { ...profile, services: [...others, { id: address, type: 'email', status }] };
}

export function email(
  outside: Outside,
  state: State,
  operation: Operation,
  asked: Asked & { kind: 'email' },
): Move[] {
  const { phone, address } = asked;
  const profile = state.profiles[phone];
  const codes = state.codes[phone] ?? {};
  const kept = codes[address];
  const wrong = refuses(state, operation, 'wrong_code');
  if (profile === undefined || kept === undefined || kept.tries >= maxTries) return wrong;
  if (kept.mailed.to + codeMs <= operation.time.from + outside.skipped) return wrong;
  if (wrongCodesOf(outside, state, operation, asked).length >= maxWrongCodes) return wrong;
  if (kept.code !== asked.code) {
    const counted = put(codes, address, { ...kept, tries: kept.tries + 1 });
    const { from, to } = operation.time;
    const tried = { from: from + outside.skipped, to: to + outside.skipped };
    const before = state.wrongCodes[phone] ?? {};
    const wrongCodes = put(before, address, [...(before[address] ?? []), tried]);
    const next = {
      ...state,
      codes: put(state.codes, phone, counted),
      wrongCodes: put(state.wrongCodes, phone, wrongCodes),
    };
    return refuses(next, operation, 'wrong_code');
  }
  const next = {
    ...state,
    codes: put(state.codes, phone, drop(codes, address)),
    profiles: put(state.profiles, phone, withEmail(profile, address, 'verified')),
  };
  return [{ state: next, task: { step: 'remember', answered: false } }];
}

/** Stored beside the profile, so that it survives the profile. */
function remember(state: State, operation: Operation): Move[] {
  const { asked } = operation;
  if (asked.kind !== 'email') return [];
  const before = state.confirmed[asked.phone] ?? [];
  const addresses = before.includes(asked.address) ? before : [...before, asked.address];
  const next = { ...state, confirmed: put(state.confirmed, asked.phone, addresses) };
  return says(next, operation, { io: 'ok', word: 'verified' });
}
