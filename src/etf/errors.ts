/** Why bytes are refused. The list is closed and fit for a metric's label; no entry quotes the bytes. */
export type EtfReason =
  | 'bad_version'
  | 'truncated'
  | 'trailing_bytes'
  | 'unknown_tag'
  | 'bad_atom'
  | 'bad_bit_string'
  | 'bad_compression'
  | 'bad_float'
  | 'bad_fun'
  | 'bad_list'
  | 'bad_reference'
  | 'duplicate_key'
  | 'payload_too_large'
  | 'inflated_too_large'
  | 'too_deep'
  | 'too_many_elements';

/** The bytes are not one external term, or exceed a limit. Reading bytes throws no other error. */
export class EtfError extends Error {
  override readonly name = 'EtfError';
  readonly reason: EtfReason;
  /** Byte where reading stopped, counted in the message, or in the inflated term if that was compressed. */
  readonly offset: number;

  constructor(reason: EtfReason, offset: number) {
    super(`${reason} at byte ${offset}`);
    this.reason = reason;
    this.offset = offset;
  }
}

/** Limits for one message, checked before anything is allocated. */
export interface Limits {
  /** Longest message as received, in bytes. */
  readonly payloadBytes: number;
  /** Deepest nesting of tuples, lists, maps and funs; more than 1000 counts as 1000. */
  readonly nesting: number;
  /** Most terms inside the root term: elements, keys, values, tails, and each integer of a STRING_EXT. */
  readonly elements: number;
  /** Longest term that a compressed message may inflate to, in bytes. */
  readonly inflatedBytes: number;
}

export const defaultLimits: Limits = Object.freeze({
  payloadBytes: 262_144,
  nesting: 64,
  elements: 65_536,
  inflatedBytes: 1_048_576,
});
