/** Terms as Erlang text, for people, logs and tests. The printer and the parser are separate files. */
export { EtfTextError, type ParseOptions, parse, type RecordFields } from './parse.ts';
export { print } from './print.ts';
