#!/usr/bin/env escript
%%! -noinput +pc unicode
%% Writes dumps of one small store in every form that Erlang writes, into the folder that is the argument:
%%   escript tests/system/tools/old-store.escript /tmp/dumps
-mode(compile).

main([Folder]) ->
    ok = file:set_cwd(Folder),
    Tables = [profiles(), rosters(), auths()],
    All = lists:append(Tables),
    write("list.etf", term_to_binary(All)),
    write("tables.etf", term_to_binary(Tables)),
    write("compressed.etf", [term_to_binary(Table, [compressed]) || Table <- Tables]),
    write("many.etf", [term_to_binary(Record) || Record <- All]),
    write("lengths.etf", [[<<(byte_size(Bytes)):32>>, Bytes] || Record <- All, Bytes <- [term_to_binary(Record)]]),
    write("w.txt", [io_lib:format("~w.~n", [Record]) || Record <- All]),
    write("p-latin-1.txt", ["%% coding: latin-1\n", [io_lib:format("~p.~n", [Record]) || Record <- All]]),
    write("tp-utf-8.txt", unicode:characters_to_binary([io_lib:format("~tp.~n", [Record]) || Record <- All])),
    write("one-list.txt", io_lib:format("~w.~n", [All])),
    write("mnesia.txt", [io_lib:format("~w.~n", [{tables, [{'Profile', []}]}]),
                         [io_lib:format("~w.~n", [Record]) || Record <- All]]),
    [write(Name, term_to_binary(Table)) || {Name, Table} <- lists:zip(["profile.etf", "roster.etf", "auth.etf"], Tables)],
    write("wrong.etf", term_to_binary(wrong())),
    write("wrong.txt", ["{'Profile',<<\"380501110001\">>,[],[],[],0,0,[],[]}.\n{'Profile', oops.\n",
                        "{'Profile',<<\"380501110002\">>,[],[],[],0,0,[],[]}.\n"]).

write(Name, Bytes) -> ok = file:write_file(Name, Bytes).

profiles() ->
    [{'Profile', <<"380501112233">>, [{'Service', <<"o@example.org">>, email, [], [], [], [], verified}], [1, 2],
      [{'Feature', <<"f1">>, <<"LANG">>, <<"uk">>, <<"LANGUAGE_SETTINGS">>}], 1795902775713, 50, online, []},
     {'Profile', <<"+380671112233">>, [], [300], [], 1795902775714, 0, <<"away">>, update},
     %% As the protocol document writes it: without presence, its roster in it.
     {'Profile', "380931112233", [], [roster(9, [document_contact(<<"380501112233_1">>)])], undefined, 1795902775715, [], get}].

rosters() ->
    [roster(1, [header_contact(<<"380671112233_300">>), document_contact(<<"380931112233_9">>)]),
     roster(2, []),
     roster(300, [header_contact(<<"380501112233_1">>)]),
     roster(301, [])].

roster(Id, Contacts) ->
    {'Roster', Id, <<"Оля"/utf8>>, <<"Ö"/utf8>>, [], <<"olya">>, Contacts, [], [], [], <<"380501112233">>, [], 1795902775000, patch}.

%% phone_id, avatar, names, surnames, nick, reader, unread, last_msg, update, created, settings, services, presence, status
header_contact(PhoneId) ->
    {'Contact', PhoneId, [], <<"Тарас"/utf8>>, [], <<"taras">>, [5, 300], 3,
     {'Message', 7, chain, {p2p, <<"a">>, <<"b">>}, [], [], <<"id">>, [], [], 1795902775001, [], [reply], [], [], [], [], []},
     1795902775002, 1795902775003, [{'Feature', <<"c1">>, <<"MUTE">>, <<"on">>, <<"CHAT">>}], [], offline, last_msg}.

%% phone_id, avatar, names, surnames, nick, email, vox_id, reader, unread, last_msg, update, settings, presence, status
document_contact(PhoneId) ->
    {'Contact', PhoneId, [], <<"Мар'яна"/utf8>>, [], <<"m">>, <<"m@example.org">>, <<"vox">>, 0, 4, [], 1795902775004, [], online, friend}.

auths() ->
    [%% The header file: client_id, dev_key, user_id, phone, token, type, sms_code, attempts, services, settings, push, os, created, last_online
     {'Auth', <<"emqttd_42">>, <<"dev">>, [], <<"380501112233">>, <<"token-42">>, verified, [], [], [], [], [], ios, 1, 2},
     %% The document: token, dev_key, user_id, phone, client_id, type, sms_code, attempts, services
     {'Auth', <<"token-43">>, <<"dev">>, [], <<"380671112233">>, <<"emqttd_43">>, verify, <<"123456">>, 3, []},
     {'Other', 1}].

wrong() ->
    [{'Profile', <<"12x">>, [], [], [], 0, 0, [], []},
     {'Profile', <<"380501110001">>, [], [], [], 0, 0, []  , []},
     {'Profile', <<"380501110002">>, [], [roster(1, [{'Contact', <<"1_1">>}])], [], 0, 0, [], []},
     {'Profile', <<"380501110003">>, [], [], [], 0, 0, [], remove},
     {'Profile', <<"380501110004">>, [], [7], [], 0, 0, [], []},
     {'Profile', <<"380501110005">>, [], []},
     {'Profile', <<"380501110006">>, [{'Service', <<"x">>, wallet, [], [], [], [], added}], [], [], 0, 0, [], []},
     {'Roster', 8, bad},
     {'Auth', <<"emqttd_1">>, [], [], <<"380501110001">>, <<"t">>, reg, <<"999111">>, 3, [], [], [], ios, 1, 2},
     {'Auth', <<"emqttd_2">>, [], [], {fake, <<"380501110001">>}, <<"t">>, verified, [], [], [], [], [], ios, 1, 2},
     {'Auth', <<"secret">>, [], [], <<"380501110001">>, <<"other">>, verified, [], [], [], [], [], ios, 1, 2},
     {'Auth', <<"emqttd_a/b">>, [], [], <<"380501110001">>, <<"t">>, verified, [], [], [], [], [], ios, 1, 2},
     {'Auth', <<"emqttd_3">>, [], [], <<"380501110001">>, [], verified, [], [], [], [], [], ios, 1, 2}].
