import type { KnownKinds } from '../protocol/profile.ts';
import type { StoredProfile } from '../store/profiles.ts';
import { aws } from './aws.ts';
import { email } from './email.ts';
import { get } from './get.ts';
import type { Handler } from './handler.ts';
import { init } from './init.ts';
import { link } from './link.ts';
import { migrate } from './migrate.ts';
import { phone } from './phone.ts';
import { remove } from './remove.ts';
import { set } from './set.ts';
import { contactsToTell, update } from './update.ts';

/** A kind of request: all that the rest of the program knows of it. */
export interface RequestRow {
  /** One with `replay` is recorded, so that its effect happens once. */
  readonly handler: Handler;
  /** The concurrency limiter of its slow work: the label `lane` of metrics. `fast` is none. */
  readonly limiter: 'fast' | 'fan-out' | 'mail' | 'sts';
  /**
   * What a small one costs its client, in units of CLIENT_RATE: 1, or 4 if it asks Redis several times, one after the other.
   * A refused one costs the same.
   */
  readonly units: 1 | 4;
  /** Which phone a request may name: only that of its client's session, or any. */
  readonly names: 'own' | 'any';
  /** Whether a trusted service may ask, for any phone. */
  readonly forServices?: true;
  /**
   * Whether a request that the broker delivers again goes on though its client's session has ended: once its effect is
   * `done`, or already once it has `begun`. The handler of the latter looks what has begun. Absent: it never does.
   */
  readonly resumes?: 'done' | 'begun';
  /** It ends its own client's session, and answers nothing that is stored; so it is answered when it is resumed. */
  readonly endsSession?: true;
  /** How many counterparties will hear of it, by the profile as it was read. They are charged before it is handled. */
  readonly tells?: (stored: StoredProfile | undefined) => number;
  /** One sentence for a person who chooses a request. */
  readonly help: string;
  /** A request in Erlang text, to be pasted as it is, with its answer in comments. */
  readonly example: string;
}

/** The phone in the examples, and one that it moves to. */
const examplePhone = '380501112233';
const exampleNewPhone = '380931112233';

const table = {
  get: {
    handler: get,
    limiter: 'fast',
    units: 1,
    names: 'own',
    forServices: true,
    help: 'Reads the stored profile, its rosters with their contacts.',
    example: `% Reads the profile.
% Answer: the 'Profile' as stored, or {io,{error,not_found},<<>>}.
#'Profile'{phone = <<"${examplePhone}">>, status = get}.`,
  },
  set: {
    handler: set,
    limiter: 'fast',
    units: 1,
    names: 'own',
    forServices: true,
    help: 'Creates the profile, or replaces what the client owns in it. What is left empty stays as it is.',
    example: `% Creates the profile, or replaces in it rosters, settings and presence. What is left out stays as it is.
% Answer: the 'Profile' as stored.
#'Profile'{
  phone = <<"${examplePhone}">>,
  rosters = [#'Roster'{id = 1, names = <<"Olena">>, userlist = [
    #'Contact'{phone_id = <<"380671112233_7">>, names = <<"Taras">>}
  ]}],
  settings = [#'Feature'{key = <<"LANG">>, value = <<"uk">>}],
  status = set
}.`,
  },
  update: {
    handler: update,
    limiter: 'fan-out',
    units: 1,
    names: 'own',
    resumes: 'done',
    tells: contactsToTell,
    help: 'Sends news to friends: time and presence go to every contact that has this phone in its roster too. As a will, with presence offline, it tells that the phone is gone.',
    example: `% Takes the time (Unix milliseconds; an older one than the stored changes nothing) and the presence.
% Answer: the 'Profile'. Counterparties get a 'Contact' on ses/<their phone>, mirrored on qa/ses/<their phone>.
% As a will of the MQTT connection, with presence = offline, it tells that the phone has dropped off.
#'Profile'{phone = <<"${examplePhone}">>, update = 1700000000000, presence = online, status = update}.`,
  },
  link: {
    handler: link,
    limiter: 'mail',
    units: 4,
    names: 'own',
    help: 'Mails a code of six digits to the address.',
    example: `% Mails a code to the address.
% Answer: {io,{ok,email_sent},<<>>}; a second time within a minute {io,{error,too_many_requests},<<>>}.
#'Profile'{
  phone = <<"${examplePhone}">>,
  services = [#'Service'{id = <<"olena@example.org">>, type = email}],
  status = link
}.`,
  },
  email: {
    handler: email,
    limiter: 'fast',
    units: 4,
    names: 'own',
    help: 'Confirms the address with the code from the mail.',
    example: `% Confirms the address: put the code from the mail in the place of 000000.
% Answer: {io,{ok,verified},<<>>}, or {io,{error,wrong_code},<<>>}, as for 000000.
#'Profile'{
  phone = <<"${examplePhone}">>,
  services = [#'Service'{id = <<"olena@example.org">>, type = email, data = <<"000000">>}],
  status = email
}.`,
  },
  aws: {
    handler: aws,
    limiter: 'sts',
    units: 4,
    names: 'own',
    help: 'Asks for temporary AWS credentials.',
    example: `% Asks for temporary AWS credentials.
% Answer: {io,{ok,aws},{'Service',Id,aws,[],Secret,Token,Expiration,verified}}; {io,{ok,aws},{'Service',[],aws,…,added}}
% says that they come later.
#'Profile'{phone = <<"${examplePhone}">>, status = aws}.`,
  },
  remove: {
    handler: remove,
    limiter: 'fan-out',
    units: 4,
    names: 'own',
    forServices: true,
    resumes: 'begun',
    endsSession: true,
    help: 'Deletes the profile and all sessions of the phone; its contacts are notified. Sign in again to go on.',
    example: `% Deletes the profile and ends all sessions of the phone: the next request gets not_authorized.
% Answer: the empty 'Profile' with status remove, to all clients of the phone.
#'Profile'{phone = <<"${examplePhone}">>, status = remove}.`,
  },
  migrate: {
    handler: migrate,
    limiter: 'fast',
    units: 4,
    names: 'any',
    help: 'Asks to move the profile to a new phone, which then confirms with “phone”.',
    example: `% Asks to move the profile to the phone that is named here, the new one.
% Answer: {io,{ok,migration},<<>>}. A client of the new phone confirms it with phone.
#'Profile'{phone = <<"${exampleNewPhone}">>, status = migrate}.`,
  },
  phone: {
    handler: phone,
    limiter: 'fan-out',
    units: 4,
    names: 'own',
    resumes: 'begun',
    help: "Sent by the new phone: confirms the move of another phone's profile to it.",
    example: `% Confirms the move; published by a client whose session belongs to the new phone.
% Answer: the 'Profile' under its new phone, or {io,{error,not_authorized},<<>>} if no move to it waits.
#'Profile'{phone = <<"${exampleNewPhone}">>, status = phone}.`,
  },
  init: {
    handler: init,
    limiter: 'fast',
    units: 1,
    names: 'own',
    help: 'Reads the profile as get does. The broker asks so for clients that wait for it after their login.',
    example: `% Reads the profile as get does; for clients that wait for it after their login.
% Answer: the 'Profile' as stored, or {io,{error,not_found},<<>>}.
#'Profile'{phone = <<"${examplePhone}">>, status = init}.`,
  },
} satisfies Record<string, RequestRow>;

/** The last element of a `'Profile'` names one. */
export type RequestKind = keyof typeof table;

/** One row for each kind of request. */
export const requests: Readonly<Record<RequestKind, RequestRow>> = table;

export const requestKinds = Object.keys(table) as readonly RequestKind[];

/** The name of each kind's concurrency limiter, for the metrics. */
export const limiterNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(requests).map(([kind, { limiter }]) => [kind, limiter]),
);

/** For `readProfile`. */
export const knownKinds: KnownKinds<RequestKind> = new Map(requestKinds.map((kind) => [kind, kind]));
