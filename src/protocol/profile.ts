import {
  atom,
  EtfError,
  elementOffsets,
  encode,
  encodeFragment,
  type Fragment,
  type Limits,
  openMessage,
} from '../etf/index.ts';
import { isUnset, readAtom, unset } from './fields.ts';
import { readPhone } from './phone.ts';

/** How many elements a `'Profile'` has after its tag: 8, or 7 where the client leaves `presence` out. */
export type ProfileSize = 7 | 8;

/** The fields of a profile in an answer; each is a ready fragment, `update` in Unix milliseconds. */
export interface ProfileFields {
  readonly services: Fragment;
  readonly rosters: Fragment;
  readonly settings: Fragment;
  readonly update: number;
  readonly balance: Fragment;
  readonly presence: Fragment;
}

/** The kinds of request that the caller knows, by the last element of a `'Profile'`. */
export type KnownKinds<Kind extends string> = ReadonlyMap<string, Kind>;

/** These kinds end or move what a number has, so they name the number. For every other one `[]` is the session's phone. */
export const kindsThatNamePhone: ReadonlySet<string> = new Set(['remove', 'migrate', 'phone']);

/**
 * Reads a payload and checks every byte against the limits once; no payload makes it throw.
 * @returns `'foreign'` for a term that is not a `'Profile'`: it belongs to another service on the topic;
 *   `'invalid_data'` for bytes that are not a term, another number of elements, a bad phone or an unknown status, and for a phone that is not set where the kind needs one.
 * @see docs/protocol.md, "Records"
 */
export function readProfile<Kind extends string>(
  payload: Uint8Array,
  limits: Limits,
  kinds: KnownKinds<Kind>,
): SentProfile<Kind> | 'foreign' | 'invalid_data' {
  let term: Fragment;
  try {
    term = openMessage(payload, limits);
  } catch (error) {
    if (error instanceof EtfError) return 'invalid_data';
    throw error;
  }
  const arity = elementOffsets(term, 0, offsets);
  if (arity < 1 || readAtom(term, offsets[0]) !== 'Profile') return 'foreign';
  if (arity !== 8 && arity !== 9) return 'invalid_data';
  const kind = kinds.get(readAtom(term, offsets[arity - 1]) ?? '');
  const sent = term.subarray(offsets[1], offsets[2]);
  const phone = readPhone(sent) ?? (isUnset(sent) && !kindsThatNamePhone.has(kind ?? '') ? '' : undefined);
  if (phone === undefined || kind === undefined) return 'invalid_data';
  return new SentProfile(phone, kind, (arity - 1) as ProfileSize, term);
}

/**
 * A `'Profile'` tuple that a client sent. A field is cut out of the payload on first use; a `get` never needs it.
 * The type is the class itself, so that the compiler rejects a spread of it: that would have no fields.
 */
export class SentProfile<Kind extends string = string> {
  /** In digits; `''` where the client leaves it out and means that of its session. */
  readonly phone: string;
  readonly kind: Kind;
  readonly size: ProfileSize;
  readonly #term: Fragment;

  constructor(phone: string, kind: Kind, size: ProfileSize, term: Fragment) {
    this.phone = phone;
    this.kind = kind;
    this.size = size;
    this.#term = term;
  }

  /** The same request with its phone. */
  naming(phone: string): SentProfile<Kind> {
    return new SentProfile(phone, this.kind, this.size, this.#term);
  }

  #element(index: number): Fragment {
    elementOffsets(this.#term, 0, offsets);
    return this.#term.subarray(offsets[index], offsets[index + 1]);
  }

  get services(): Fragment {
    return this.#element(2);
  }
  get rosters(): Fragment {
    return this.#element(3);
  }
  get settings(): Fragment {
    return this.#element(4);
  }
  get update(): Fragment {
    return this.#element(5);
  }
  get balance(): Fragment {
    return this.#element(6);
  }
  /** `[]` where the client leaves it out. */
  get presence(): Fragment {
    return this.size === 8 ? this.#element(7) : unset;
  }
}

/** Makes a payload of a profile by joining its fragments; decodes nothing. */
export function writeProfile(phone: string, fields: ProfileFields, kind: string, size: ProfileSize): Buffer {
  const parts = [
    heads[size],
    encodeFragment(Buffer.from(phone, 'latin1')),
    fields.services,
    fields.rosters,
    fields.settings,
    encodeFragment(fields.update),
    fields.balance,
    ...(size === 8 ? [fields.presence] : []),
    statusOf(kind),
  ];
  return Buffer.concat(parts);
}

/** Offsets of the elements, valid until the next read; of a larger tuple only the arity is returned. */
const offsets = new Int32Array(16);

/** The kind as an atom. Kinds come from the program, never from a client, so the memory has a bound. */
function statusOf(kind: string): Fragment {
  let status = statuses.get(kind);
  if (status === undefined) {
    status = encodeFragment(atom(kind));
    statuses.set(kind, status);
  }
  return status;
}

const statuses = new Map<string, Fragment>();

const SMALL_TUPLE_EXT = 104;

/** Version, tuple header and tag: `131, 104, arity, 'Profile'`. */
const heads: Record<ProfileSize, Fragment> = { 7: head(7), 8: head(8) };

function head(size: ProfileSize): Fragment {
  const tag = encode(atom('Profile'));
  return Buffer.concat([tag.subarray(0, 1), Buffer.from([SMALL_TUPLE_EXT, size + 1]), tag.subarray(1)]);
}
