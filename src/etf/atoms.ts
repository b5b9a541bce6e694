/** Longest name, in Unicode characters (erl_ext_dist, "Atoms"). */
export const MAX_ATOM_CHARACTERS = 255;

/** An Erlang atom. Compare with `isAtom` or by `name`: two atoms of one name may be different objects. */
export class Atom {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

// Only the protocol's own words are shared: a table that grew with what clients send would be a leak.
const words = `
  Profile Service Roster Contact Feature Auth Message Member Room Friend History Search Link Tag Typing errors
  io ok error undefined true false null nil none
  get set update remove link email aws migrate phone vox
  added verified deleted email_sent migration patch create add del delete list request authorization ban
  not_authorized not_found invalid_data invalid_email wrong_code too_many_requests already_exists email_send
  busy internal
  online offline away busy_presence active pending expired id key value group data type login password status
`;

interface KnownAtom {
  readonly atom: Atom;
  readonly ascii: Uint8Array;
}

const SLOTS = 512;
const table: (KnownAtom | undefined)[] = new Array(SLOTS).fill(undefined);
const byName = new Map<string, Atom>();
let longest = 0;

/** Three characters and the length separate the words well enough; the name is compared anyway. */
function slotOf(bytes: Uint8Array, at: number, length: number): number {
  const first = bytes[at]!;
  const middle = bytes[at + (length >> 1)]!;
  const last = bytes[at + length - 1]!;
  return (length * 97 + first * 31 + middle * 131 + last * 7) & (SLOTS - 1);
}

for (const name of new Set(words.trim().split(/\s+/))) {
  const ascii = new TextEncoder().encode(name);
  const known = { atom: new Atom(name), ascii };
  let slot = slotOf(ascii, 0, ascii.length);
  while (table[slot] !== undefined) slot = (slot + 1) & (SLOTS - 1);
  table[slot] = known;
  byName.set(name, known.atom);
  longest = Math.max(longest, ascii.length);
}

function sameBytes(bytes: Uint8Array, at: number, ascii: Uint8Array): boolean {
  for (let i = 0; i < ascii.length; i++) if (bytes[at + i] !== ascii[i]) return false;
  return true;
}

/** Finds the shared atom of a name in the protocol's vocabulary without making a string; else returns `undefined`. */
export function knownAtom(bytes: Uint8Array, at: number, length: number): Atom | undefined {
  if (length === 0 || length > longest) return undefined;
  let slot = slotOf(bytes, at, length);
  for (;;) {
    const known = table[slot];
    if (known === undefined) return undefined;
    if (known.ascii.length === length && sameBytes(bytes, at, known.ascii)) return known.atom;
    slot = (slot + 1) & (SLOTS - 1);
  }
}

const LATIN1_NAME = /^[\0-\xff]{0,255}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The atom of this name.
 * @throws RangeError if the name has more than 255 characters or is not well-formed Unicode.
 */
export function atom(name: string): Atom {
  const known = byName.get(name);
  if (known !== undefined) return known;
  if (!LATIN1_NAME.test(name) && (LONE_SURROGATE.test(name) || [...name].length > MAX_ATOM_CHARACTERS)) {
    throw new RangeError('an atom has at most 255 characters of well-formed Unicode');
  }
  return new Atom(name);
}
