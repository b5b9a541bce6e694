/** Terms as Erlang text: for people, logs and tests. The two directions stand in files of their own. */
export { EtfTextError, type ParseOptions, parse, type RecordFields } from './parse.ts';
export { print } from './print.ts';
