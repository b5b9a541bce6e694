import type { RequestKind } from '../protocol/profile.ts';

/** Where requests are published. */
export const requestTopic = 'events/1//api/anon//';

/** The phone in the examples, and one that it moves to. */
const phone = '380501112233';
const newPhone = '380931112233';

/** One request of each kind, in Erlang text, to be pasted as it is. */
export const examples: Readonly<Record<RequestKind, string>> = {
  get: `% Reads the profile.
% Answer: the 'Profile' as stored, or {io,{error,not_found},<<>>}.
#'Profile'{phone = <<"${phone}">>, status = get}.`,

  set: `% Creates the profile, or replaces in it rosters, settings and presence. What is left out stays as it is.
% Answer: the 'Profile' as stored.
#'Profile'{
  phone = <<"${phone}">>,
  rosters = [#'Roster'{id = 1, names = <<"Olena">>, userlist = [
    #'Contact'{phone_id = <<"380671112233_7">>, names = <<"Taras">>}
  ]}],
  settings = [#'Feature'{key = <<"LANG">>, value = <<"uk">>}],
  status = set
}.`,

  update: `% Takes the time (Unix milliseconds; an older one than the stored changes nothing) and the presence.
% Answer: the 'Profile'. Counterparties get a 'Contact' on ses/<their phone>, mirrored on qa/ses/<their phone>.
#'Profile'{phone = <<"${phone}">>, update = 1700000000000, presence = online, status = update}.`,

  link: `% Mails a code to the address.
% Answer: {io,{ok,email_sent},<<>>}; a second time within a minute {io,{error,too_many_requests},<<>>}.
#'Profile'{
  phone = <<"${phone}">>,
  services = [#'Service'{id = <<"olena@example.org">>, type = email}],
  status = link
}.`,

  email: `% Confirms the address: put the code from the mail in the place of 000000.
% Answer: {io,{ok,verified},<<>>}, or {io,{error,wrong_code},<<>>}, as for 000000.
#'Profile'{
  phone = <<"${phone}">>,
  services = [#'Service'{id = <<"olena@example.org">>, type = email, data = <<"000000">>}],
  status = email
}.`,

  aws: `% Asks for temporary AWS credentials.
% Answer: {io,{ok,aws},{'Service',Id,aws,[],Secret,Token,Expiration,verified}}; {io,{ok,aws},{'Service',[],aws,…,added}}
% says that they come later.
#'Profile'{phone = <<"${phone}">>, status = aws}.`,

  remove: `% Deletes the profile and ends all sessions of the phone: the next request gets not_authorized.
% Answer: the empty 'Profile' with status remove, to all clients of the phone.
#'Profile'{phone = <<"${phone}">>, status = remove}.`,

  migrate: `% Asks to move the profile to the phone that is named here, the new one.
% Answer: {io,{ok,migration},<<>>}. A client of the new phone confirms it with phone.
#'Profile'{phone = <<"${newPhone}">>, status = migrate}.`,

  phone: `% Confirms the move; published by a client whose session belongs to the new phone.
% Answer: the 'Profile' under its new phone, or {io,{error,not_authorized},<<>>} if no move to it waits.
#'Profile'{phone = <<"${newPhone}">>, status = phone}.`,
};
