/**
 * The contract of the requests that stay within one phone, as a pure function from a state to its possible next
 * states. It follows docs/protocol.md and is independent of the implementation.
 */

import { profileAnswer, refuses, says, serverTime } from './answering.ts';
import { advanceMailing, email, isMailing, link } from './mail.ts';
import { advanceSpanning } from './multi-phone.ts';
import type { Asked, Operation, Outside, Owned } from './operation.ts';
import { emptyProfile, type Profile, put, type Roster, type Service, type State } from './state.ts';
import { done, type Move, type Task } from './task.ts';

/** All possible next steps of an operation. An empty list means that this order is impossible. */
export function advance(outside: Outside, state: State, operation: Operation, task: Task): Move[] {
  if (isMailing(task)) return advanceMailing(outside, state, operation, task);
  if (task.step !== 'start') return advanceSpanning(outside, state, operation, task);
  const { asked, client } = operation;
  if (asked.kind === 'invalid') return refuses(state, operation, 'invalid_data');
  const own = state.sessions[client];
  if (asked.kind === 'migrate' ? own === undefined : own !== asked.phone) {
    // A client may lose its session between the announcement of credentials and the credentials.
    const answers = asked.kind === 'aws' ? operation.answers.slice(-1) : operation.answers;
    return refuses(state, { ...operation, answers }, 'not_authorized');
  }
  switch (asked.kind) {
    case 'get':
      return get(state, operation);
    case 'set':
      return set(state, operation, asked);
    case 'link':
      return link(state, operation, asked);
    case 'email':
      return email(outside, state, operation, asked);
    case 'aws':
      return aws(outside, state, operation);
    default:
      return advanceSpanning(outside, state, operation, task);
  }
}

function get(state: State, operation: Operation): Move[] {
  const profile = state.profiles[operation.asked.phone];
  if (profile === undefined) return refuses(state, operation, 'not_found');
  return says(state, operation, profileAnswer(operation.asked, profile));
}

function set(state: State, operation: Operation, asked: Asked & { kind: 'set' }): Move[] {
  if (asked.malformed) return refuses(state, operation, 'invalid_data');
  // A client that is about to lose its session does not restore a removed phone.
  if (state.ending.includes(asked.phone)) return refuses(state, operation, 'not_authorized');
  const update = serverTime(operation);
  if (update === undefined) return [];
  const owned = asked.size === 8 ? asked.owned : { ...asked.owned, presence: '' };
  const profile = { ...withOwned(state.profiles[asked.phone] ?? emptyProfile, owned), update };
  const next = { ...state, profiles: put(state.profiles, asked.phone, profile) };
  return says(next, operation, profileAnswer(asked, profile));
}

function withOwned(profile: Profile, { settings, presence, rosters, services }: Owned): Profile {
  const features = new Map(profile.settings.map((feature) => [feature.key, feature]));
  for (const feature of settings ?? []) {
    if (feature.value === '') features.delete(feature.key);
    else features.set(feature.key, feature);
  }
  const isVox = ({ type }: Service) => type === 'vox';
  return {
    ...profile,
    settings: [...features.values()],
    presence: presence || profile.presence,
    rosters: rosters?.map((each) => resolved(each, profile)) ?? profile.rosters,
    services:
      services === undefined
        ? profile.services
        : [...profile.services.filter((service) => !isVox(service)), ...services.filter(isVox)],
  };
}

/** An integer names the stored roster of that id, which stays as it is. */
function resolved(sent: Roster | number, { rosters }: Profile): Roster | number {
  return rosters.find((stored) => typeof stored !== 'number' && stored.id === sent) ?? sent;
}

/** The last answer counts; the one before it only announces it. */
function aws(outside: Outside, state: State, operation: Operation): Move[] {
  const { phone } = operation.asked;
  const final = operation.answers.at(-1);
  const kept = state.credentials[phone];
  const isKept = kept !== undefined && kept.until > operation.time.from + outside.skipped;
  if (final === undefined || !('io' in final)) return [];
  if (isKept) return final.credentials?.text === kept.text ? [{ state, task: done }] : [];
  if (outside.sts === 'AccessDenied') {
    return final.io === 'error' && final.word === 'aws' ? [{ state, task: done }] : [];
  }
  const credentials = final.credentials;
  const issued = outside.issued.get(phone) ?? [];
  if (credentials === undefined || !issued.some((key) => credentials.text.includes(key))) return [];
  const until = credentials.expiration - minLeftMs + outside.skipped;
  const next = { ...state, credentials: put(state.credentials, phone, { text: credentials.text, until }) };
  return [{ state: state.ending.includes(phone) ? state : next, task: done }];
}

const minLeftMs = 5 * 60_000;
