#!/usr/bin/env escript
%%! -noinput +pc unicode
%% Makes tests/unit/protocol/contact-records.txt: 'Contact' records in both layouts, as Erlang writes them.
%%   escript tests/interop/contact-records.escript > tests/unit/protocol/contact-records.txt
-mode(compile).

%% The layout of the protocol document.
-record(document, {phone_id = [], avatar = [], names = [], surnames = [], nick = [], email = [], vox_id = [], reader = 0,
                   unread = 0, last_msg = [], update = 0, settings = [], presence = [], status = []}).
%% The layout of the header file of deployed servers.
-record(header, {phone_id = [], avatar = [], names = [], surnames = [], nick = [], reader = [], unread = 0, last_msg = [],
                 update = 0, created = 0, settings = [], services = [], presence = [], status = []}).

-define(ID, <<"380671112233_7">>).
-define(TIME, 1795902775713).
-define(FEATURES, [{'Feature', <<"1">>, <<"LANG">>, <<"uk">>, <<"app">>}, {'Feature', [], <<"theme">>, #{a => 1.5}, []}]).
-define(SERVICES, [{'Service', <<"vox-1">>, vox, [], [], [], [], added}]).
-define(MESSAGE, {'Message', 77, chain, undefined, [], <<"hello">>, 1.5, <<5:3>>, created}).

main(_) ->
    io:format("% Made by: escript tests/interop/contact-records.escript > tests/unit/protocol/contact-records.txt~n"
              "% name, layout, term_to_binary/2 in base64~n", []),
    [line(Name, Layout, Record) || {Name, Layout, Record} <- records()].

records() ->
    [{"defaults", document, #document{phone_id = ?ID}},
     {"settings", document, #document{phone_id = ?ID, names = <<"Taras">>, update = [], reader = [], settings = ?FEATURES}},
     {"email", document, #document{phone_id = ?ID, reader = [], unread = [], update = [], email = <<"t@example.org">>}},
     {"message", document, #document{phone_id = ?ID, reader = [], update = [], last_msg = ?MESSAGE}},
     {"all", document, #document{phone_id = ?ID, avatar = <<"a">>, names = <<"Taras">>, surnames = <<"Shevchenko">>,
                                 nick = <<"kobzar">>, email = <<"t@example.org">>, vox_id = <<"v">>, reader = 5, unread = 300,
                                 last_msg = ?MESSAGE, update = ?TIME, settings = ?FEATURES, presence = online,
                                 status = friend}},
     {"all unset", document, #document{phone_id = ?ID, reader = [], unread = [], update = []}},
     {"defaults", header, #header{phone_id = ?ID}},
     {"settings", header, #header{phone_id = ?ID, unread = [], update = [], created = [], settings = ?FEATURES}},
     {"services", header, #header{phone_id = ?ID, unread = [], update = [], created = [], services = ?SERVICES}},
     {"created", header, #header{phone_id = ?ID, unread = [], update = [], created = ?TIME}},
     {"message", header, #header{phone_id = ?ID, unread = [], update = [], created = [], last_msg = ?MESSAGE}},
     {"readers", header, #header{phone_id = ?ID, reader = [1, 1000]}},
     {"all", header, #header{phone_id = ?ID, avatar = <<"a">>, names = <<"Taras">>, surnames = <<"Shevchenko">>,
                             nick = <<"kobzar">>, reader = 5, unread = 300, last_msg = ?MESSAGE, update = ?TIME,
                             created = ?TIME - 1, settings = ?FEATURES, services = ?SERVICES, presence = <<"online">>,
                             status = friend}}].

line(Name, Layout, Record) ->
    Message = term_to_binary(setelement(1, Record, 'Contact'), [{minor_version, 1}]),
    io:format("~s|~s|~s~n", [Name, Layout, base64:encode(Message)]).
