import type { Topics } from '../protocol/topics.ts';

/** What QA says of the kinds of request, by kind; rows of the table in src/handlers/index.ts. */
export type RequestExamples = Readonly<Record<string, { readonly example: string }>>;

/** The retained help: topics and texts. */
export function helpTopics(
  readsText: boolean,
  topics: Topics,
  requests: RequestExamples,
): [topic: string, text: string][] {
  const help: [string, string][] = [['qa/help', readsText ? withText(topics) : withoutText]];
  if (readsText)
    for (const [kind, { example }] of Object.entries(requests)) help.push([`qa/examples/${kind}`, example]);
  return help;
}

// Lines of at most `windowWidth` characters.
const mirrorHelp = `What passes is mirrored as JSON, without secrets, not
retained:
  qa/req/<client>/<request>   requests
  qa/rep/<client>/<request>   answers, and milliseconds
  qa/ses/<phone>              notices
  qa/hint/<client>            why a client has no answer,
                              or not the one it expects;
                              retained, 10 minutes
  qa/status/<worker>          whether it takes requests,
                              its version; retained
  qa/missed/<client>          what became no request
"-" stands for an empty level. A client "-" in qa/req says
that the broker's plugin is not loaded.`;

const withText = (topics: Topics): string => `PROFILE worker with QA_TEXT=on

Publish to       ${topics.request()}
Answers come on  ${topics.answer('<your client id>')}
Examples         qa/examples/<request>: copy one, put in
                 your session's phone, publish it

A request may be written as Erlang text
  {'Profile',<<"380501112233">>,[],[],[],0,0,[],get}
  #'Profile'{phone = <<"380501112233">>, status = get}
as JSON
  {"request":"get","phone":"380501112233"}
or as ETF in hexadecimal digits or base64, and is answered
in the same form. Over several lines, with comments, with
a final dot or without.

{io,{error,not_authorized},<<>>}
  your client has no session, or that of another phone
{io,{error,invalid_data},<<"sentence">>}
  the sentence says where and why it cannot be read
{io,{error,too_large},<<>>}
  the profile would be larger than PROFILE_BYTES
Nothing at all
  qa/hint/<your client id> says what was wrong

${mirrorHelp}
`;

const withoutText = `PROFILE worker with QA_MIRROR=on

Requests are read as ETF only. QA_TEXT=on lets the worker
read text.

${mirrorHelp}
`;
