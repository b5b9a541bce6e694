#!/usr/bin/env escript
%% Erlang's own codec, measured as contender.ts measures the others.
%%   line in:  decode|encode|echo ITERATIONS MESSAGE-IN-BASE64
%%   line out: microseconds for one iteration; for echo, the message decoded and encoded again
-mode(compile).

main(_) ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            [Task, Iterations, Message] = string:lexemes(Line, " \n"),
            io:format("~s~n", [answer(Task, list_to_integer(Iterations), base64:decode(Message))]),
            main([])
    end.

answer("decode", N, Message) -> measure(N, fun() -> decode(N, Message) end);
answer("encode", N, Message) ->
    Term = binary_to_term(Message),
    measure(N, fun() -> encode(N, Term) end);
answer("echo", _, Message) -> base64:encode(term_to_binary(binary_to_term(Message))).

measure(N, Run) ->
    Start = erlang:monotonic_time(nanosecond),
    Run(),
    io_lib:format("~.6f", [(erlang:monotonic_time(nanosecond) - Start) / 1000 / N]).

%% Each result is looked at: the compiler drops calls of these functions whose result nobody uses.
decode(0, _) -> ok;
decode(N, Message) ->
    true = is_tuple(binary_to_term(Message)),
    decode(N - 1, Message).

encode(0, _) -> ok;
encode(N, Term) ->
    true = is_binary(term_to_binary(Term)),
    encode(N - 1, Term).
