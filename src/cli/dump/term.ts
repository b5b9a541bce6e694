import type { Fragment, Limits } from '../../etf/index.ts';

/** One term of a dump. */
export interface DumpTerm {
  /** Where it begins, for a person: `line 12` or `byte 4096`. */
  readonly at: string;
  /** The name of the record, if it is one; found without reading all of the term. */
  readonly name: string | undefined;
  /** @throws Error with the reason, if it is no term; those behind it can be read all the same. */
  read(): Fragment;
}

/** The rest of the file can't be read. */
export class DumpFault extends Error {
  override readonly name = 'DumpFault';
  /** Where the part begins that can't be read. */
  readonly at: string;

  constructor(at: string, reason: string) {
    super(reason);
    this.at = at;
  }
}

/** Largest term of a dump, in bytes of the External Term Format. A list of terms has no bound: it is read by its elements. */
export const maxTermBytes = 4 * 2 ** 20;

/** Nested as a request may be; a profile that has grown for years may have more elements. */
export const dumpLimits: Limits = {
  payloadBytes: maxTermBytes,
  nesting: 64,
  elements: 2 ** 20,
  inflatedBytes: maxTermBytes,
};
