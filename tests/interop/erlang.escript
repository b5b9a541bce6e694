#!/usr/bin/env escript
%%! -noinput +pc unicode
%% The Erlang side of erlang.test.ts: answers each packet (4 bytes of length first) on standard input with one
%% packet on standard output.
%%   $r Message          -> 1 and the message written again, or 0 if Erlang refuses it
%%   $p Message          -> the term as io_lib prints it, in UTF-8
%%   $t Message          -> the same over several lines, as ~tp breaks them
%%   $s Text             -> 1 and the message of the term that erl_parse reads, or 0
%%   $g Seed:32          -> one message of a random term, and its text: Size:32, Message, Text
-mode(compile).

main(_) ->
    Port = open_port({fd, 0, 1}, [{packet, 4}, binary, eof]),
    loop(Port).

loop(Port) ->
    receive
        {Port, {data, <<Command, Rest/binary>>}} ->
            true = port_command(Port, answer(Command, Rest)),
            loop(Port);
        {Port, eof} ->
            halt(0)
    end.

answer($r, Message) ->
    try [1, write(binary_to_term(Message))] catch error:badarg -> [0] end;
answer($p, Message) ->
    text(binary_to_term(Message));
answer($t, Message) ->
    unicode:characters_to_binary(io_lib:format("~tp", [binary_to_term(Message)]));
answer($s, Text) ->
    try
        {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(<<Text/binary, "\n.">>)),
        {ok, Term} = erl_parse:parse_term(Tokens),
        [1, write(Term)]
    catch error:_ -> [0] end;
answer($g, <<Seed:32>>) ->
    rand:seed(exsss, Seed),
    Term = term(5),
    Message = term_to_binary(Term, pick([[], [compressed], [{minor_version, 0}], [{minor_version, 1}],
                                         [{minor_version, 2}], [{compressed, 9}]])),
    [<<(byte_size(Message)):32>>, Message, text(Term)].

%% Latin-1 atoms as ATOM_EXT, in every release.
write(Term) -> term_to_binary(Term, [{minor_version, 1}]).

text(Term) -> unicode:characters_to_binary(io_lib:format("~0tp", [Term])).

pick(List) -> lists:nth(rand:uniform(length(List)), List).

term(Depth) ->
    case rand:uniform(if Depth > 0 -> 17; true -> 12 end) of
        1 -> rand:uniform(256) - 1;
        2 -> rand:uniform(1 bsl 33) - (1 bsl 32);
        3 -> (rand:uniform(1 bsl 64) - (1 bsl 63)) * pick([1, -1]);
        4 -> pick([1, -1]) * ((1 bsl (rand:uniform(2200))) + rand:uniform(1000));
        5 -> list_to_atom([pick("abzAZ09_@ '\\\n\t") || _ <- lists:seq(1, rand:uniform(8))]);
        6 -> list_to_atom([pick([$a, 223, 255, 247, 1081, 1030, 8364, 128512]) || _ <- lists:seq(1, rand:uniform(8))]);
        7 -> rand:bytes(rand:uniform(6) - 1);
        8 -> unicode:characters_to_binary(characters());
        9 -> characters();
        10 -> (rand:uniform() - 0.5) * math:pow(10, rand:uniform(600) - 300);
        11 -> pick([self(), make_ref(), hd(erlang:ports()), fun lists:map/2, fun 'A b':c/0, 0.0, 1.0, 1.0e22,
                    <<5:3>>, <<1, 2, 1:7>>, [], <<>>, {}, #{}, '', true, undefined]);
        12 -> [rand:uniform(256) - 1 || _ <- lists:seq(1, rand:uniform(10))];
        13 -> list_to_tuple(terms(Depth));
        14 -> terms(Depth);
        15 -> terms(Depth) ++ pick([tail, 5, <<"tail">>]);
        16 -> maps:from_list([{term(Depth - 1), term(Depth - 1)} || _ <- lists:seq(1, rand:uniform(4))]);
        17 -> list_to_tuple(['Contact', <<"380501112233">> | terms(Depth)])
    end.

terms(Depth) -> [term(Depth - 1) || _ <- lists:seq(1, rand:uniform(6))].

characters() -> [pick("aZ 0~\n\"\\" ++ [127, 160, 223, 255, 1081, 8364, 128512]) || _ <- lists:seq(1, rand:uniform(9))].
