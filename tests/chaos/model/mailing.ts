/** The contract of `link` and `email`. `link` takes two limits, one after the other, and waits for the mail server. */
import { type Asked, answerText, type Operation, type Outside } from './operation.ts';
import { refuses, says } from './saying.ts';
import {
  codeMs,
  drop,
  emptyProfile,
  hourMs,
  mostTries,
  type Place,
  type Profile,
  put,
  type State,
} from './state.ts';
import { done, type Move } from './task.ts';

export function link(state: State, operation: Operation, { address }: Asked & { kind: 'link' }): Move[] {
  if (!address.includes('@')) return refuses(state, operation, 'invalid_email');
  return [{ state, task: { step: 'limit', answered: false } }];
}

/** The steps of a `link` that may be carried out. */
export const advanceLink = { limit: linkPhone, address: linkAddress, mail } as const;

function linkPhone(outside: Outside, state: State, operation: Operation): Move[] {
  if (!mayMailOf(outside, state, operation)) return refuses(state, operation, 'too_many_requests');
  const phonePlaces = withPlace(state.phonePlaces, operation.asked.phone, outside, operation);
  return [{ state: { ...state, phonePlaces }, task: { step: 'address', answered: false } }];
}

/** The place in the phone's limit is given back if the address's has none; others may have found it taken meanwhile. */
function linkAddress(outside: Outside, state: State, operation: Operation): Move[] {
  const { asked } = operation;
  if (asked.kind !== 'link') return [];
  const recent = recentPlaces(state.addressPlaces, asked.address, outside, operation);
  if (recent.length >= mostOfAddress)
    return refuses(released(state, operation), operation, 'too_many_requests');
  const addressPlaces = withPlace(state.addressPlaces, asked.address, outside, operation);
  return [{ state: { ...state, addressPlaces }, task: { step: 'mail', answered: false } }];
}

type Places = State['phonePlaces'];

function withPlace(places: Places, name: string, { skipped }: Outside, { id, time }: Operation): Places {
  const place: Place = { operation: id, taken: { from: time.from + skipped, to: time.to + skipped } };
  return put(places, name, [...(places[name] ?? []), place]);
}

function mail(outside: Outside, state: State, operation: Operation): Move[] {
  const { asked } = operation;
  if (asked.kind !== 'link') return [];
  const { phone, address } = asked;
  if (outside.mail === 'refuses') return refuses(released(state, operation), operation, 'email_send');
  // The phone was removed or has moved while the mail was under way: nothing brings it back.
  const isGone = !state.phonePlaces[phone]?.some((place) => place.operation === operation.id);
  if (isGone || state.sessions[operation.client] !== phone || state.ending.includes(phone)) {
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

/** Without the places in the limits that an operation took. */
function released(state: State, { id, asked }: Operation): State {
  if (asked.kind !== 'link') return state;
  const without = (places: Places, name: string) =>
    name in places
      ? put(
          places,
          name,
          (places[name] ?? []).filter(({ operation }) => operation !== id),
        )
      : places;
  return {
    ...state,
    phonePlaces: without(state.phonePlaces, asked.phone),
    addressPlaces: without(state.addressPlaces, asked.address),
  };
}

function recentPlaces(places: Places, name: string, { skipped }: Outside, { time }: Operation): Place[] {
  return (places[name] ?? []).filter(({ taken }) => taken.to + hourMs > time.to + skipped);
}

/** Whether a new code may be mailed by the phone's limit. */
function mayMailOf(outside: Outside, state: State, operation: Operation): boolean {
  const recent = recentPlaces(state.phonePlaces, operation.asked.phone, outside, operation);
  const now = operation.time.to + outside.skipped;
  return recent.length < mostOfPhone && recent.every(({ taken }) => taken.to + apartMs <= now);
}

const apartMs = 60_000;
const mostOfPhone = 5;
const mostOfAddress = 10;

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
  if (profile === undefined || kept === undefined || kept.tries >= mostTries) return wrong;
  if (kept.mailed.to + codeMs <= operation.time.from + outside.skipped) return wrong;
  if (kept.code !== asked.code) {
    const counted = put(codes, address, { ...kept, tries: kept.tries + 1 });
    return refuses({ ...state, codes: put(state.codes, phone, counted) }, operation, 'wrong_code');
  }
  const next = {
    ...state,
    codes: put(state.codes, phone, drop(codes, address)),
    profiles: put(state.profiles, phone, withEmail(profile, address, 'verified')),
  };
  return says(next, operation, { io: 'ok', word: 'verified' });
}
