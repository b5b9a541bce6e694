import { encodeFragment, type Fragment } from '../etf/index.ts';
import { unset } from '../protocol/fields.ts';
import type { ProfileFields } from '../protocol/profile.ts';

/** A profile as it was read: what is answered of it, and the name of that state. */
export interface StoredProfile extends ProfileFields {
  readonly version: string;
}

/** What a new profile holds. */
export const emptyFields: ProfileFields = {
  services: unset,
  rosters: unset,
  settings: unset,
  update: 0,
  balance: encodeFragment(0),
  presence: unset,
};

/** In the order in which `read-batch` packs them. */
const order = ['version', 'update', 'services', 'rosters', 'settings', 'balance', 'presence'] as const;

const LENGTH_BYTES = 4;

/** A profile as `read-batch` packs it. A field is cut out when somebody asks for it. */
export class PackedProfile implements StoredProfile {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Whether its rosters are there, joined with their contacts. */
  get isJoined(): boolean {
    return this.#length(3) > 0;
  }

  get version(): string {
    return this.#text(0);
  }
  get update(): number {
    return Number(this.#text(1));
  }
  get services(): Fragment {
    return this.#fragment(2) ?? unset;
  }
  get rosters(): Fragment {
    return this.#fragment(3) ?? unset;
  }
  get settings(): Fragment {
    return this.#fragment(4) ?? unset;
  }
  get balance(): Fragment {
    return this.#fragment(5) ?? emptyFields.balance;
  }
  get presence(): Fragment {
    return this.#fragment(6) ?? unset;
  }

  #length(index: number): number {
    return this.#bytes.readUInt32BE(index * LENGTH_BYTES);
  }

  #start(index: number): number {
    let start = order.length * LENGTH_BYTES;
    for (let before = 0; before < index; before++) start += this.#length(before);
    return start;
  }

  #text(index: number): string {
    const start = this.#start(index);
    return this.#bytes.toString('latin1', start, start + this.#length(index));
  }

  #fragment(index: number): Fragment | undefined {
    const length = this.#length(index);
    const start = this.#start(index);
    return length === 0 ? undefined : this.#bytes.subarray(start, start + length);
  }
}
