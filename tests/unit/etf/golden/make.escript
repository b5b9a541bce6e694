#!/usr/bin/env escript
%%! -noinput +pc unicode
%% Writes vectors.txt, what Erlang itself makes of a table of terms:
%%   escript tests/unit/etf/golden/make.escript > tests/unit/etf/golden/vectors.txt
%% One line each, tab-separated: name, options of term_to_binary/2, the bytes in hexadecimal, the term as ~0tp.
-mode(compile).

main(_) ->
    ok = io:setopts([{encoding, unicode}]),
    io:format("# escript tests/unit/etf/golden/make.escript, Erlang/OTP ~s~n", [erlang:system_info(otp_release)]),
    [line(Name, OptionsName, Options, Term) || {Name, Term} <- terms(), {OptionsName, Options} <- options()].

options() ->
    [{"plain", []}, {"compressed", [compressed]}, {"minor_version_0", [{minor_version, 0}]},
     {"minor_version_1", [{minor_version, 1}]}, {"minor_version_2", [{minor_version, 2}]},
     {"deterministic", [deterministic]}].

line(Name, OptionsName, Options, Term) ->
    Hex = [io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= term_to_binary(Term, Options)],
    io:format("~s\t~s\t~s\t~0tp~n", [Name, OptionsName, Hex, Term]).

terms() ->
    Contact = {'Contact', <<"380671112233_1">>, <<"https://example.org/a.png">>, <<"Іван"/utf8>>, <<"Franko">>, [],
               <<"ivan@example.org">>, [], 0, 5, [], 1700000000123, [], online, active},
    [{"request", {'Profile', <<"380501112233">>, [], [], [], 0, 0, [], get}},
     {"profile of 8", {'Profile', <<"380501112233">>, [], [], [], 1700000000000, 0, get}},
     {"profile", {'Profile', <<"380501112233">>,
                  [{'Service', <<"ivan@example.org">>, email, [], [], [], [], verified}],
                  [{'Roster', 1, <<"Ivan">>, <<"Franko">>, [], <<"ivan">>, lists:duplicate(5, Contact), [], [], [],
                    <<"380501112233">>, [], 1700000000000, add}],
                  [{'Feature', <<"1">>, <<"language">>, <<"uk">>, <<"ui">>}], 1700000000000, -5, online, get}},
     {"answer", {io, {ok, email_sent}, <<>>}},
     {"refusal", {io, {error, not_authorized}, <<>>}},
     {"integers", [0, 255, 256, -1, 2147483647, 2147483648, -2147483648, -2147483649, 1700000000000]},
     {"safe integers", [9007199254740991, -9007199254740991, 9007199254740992, -9007199254740992]},
     {"large integers", [1 bsl 63, (1 bsl 64) - 1, 1 bsl 64, -(1 bsl 64), (1 bsl 2040) - 1, 1 bsl 2040, -(1 bsl 2100)]},
     {"atoms", [a, 'Abc', 'with space', '', 'it\'s', 'end', 'maybe_not', [], true]},
     {"latin-1 atom", list_to_atom([228, 246, 252])},
     {"longest latin-1 atom", list_to_atom(lists:duplicate(255, 255))},
     {"unicode atom", list_to_atom([1110, 1084, 8217, 1103])},
     {"longest unicode atom", list_to_atom(lists:duplicate(255, 1103))},
     {"character list", "380501112233"},
     {"bytes", [1, 2, 3]},
     {"unicode characters", [1110, 1084]},
     {"improper list", [a, <<"b">> | c]},
     {"binaries", [<<>>, <<"text">>, <<"текст"/utf8>>, <<255, 254>>, <<0, 1, 2>>]},
     {"bit strings", [<<5:3>>, <<1, 2, 1:1>>]},
     {"floats", [0.0, 1.0, -1.5, 0.1, 1.0e22, 1.0e-7, 123456.789, 9007199254740992.0, 5.0e-324, 1.7976931348623157e308]},
     {"maps", [#{}, #{a => 1}, #{<<"k">> => #{1 => [x]}, b => 2.5}]},
     {"empty tuple", {}},
     {"large tuple", list_to_tuple(lists:seq(1, 300))},
     {"export", fun lists:map/2}].
