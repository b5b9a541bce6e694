/** Erlang's External Term Format: reading, writing, splicing, and Erlang text. See README.md. */
export { decode, decodeFragment } from './decode.ts';
export { encode, encodeFragment } from './encode.ts';
export { messageBytes } from './envelope.ts';
export { defaultLimits, EtfError, type EtfReason, type Limits } from './errors.ts';
export { bitString, type ForeignValue, float, map, readForeign } from './foreign.ts';
export {
  elementOffsets,
  type Fragment,
  listElements,
  listOf,
  messageOf,
  openMessage,
  skipTerm,
  termEnd,
  tupleArity,
  tupleElements,
  tupleOf,
} from './fragments.ts';
export { atomName } from './identifiers.ts';
export { Atom, atom, equal, Foreign, ImproperList, isAtom, type Term, Tuple, tuple } from './terms.ts';
export { EtfTextError, type ParseOptions, parse, print, type RecordFields } from './text.ts';
