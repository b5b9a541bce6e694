import { encodeFragment } from '../etf/index.ts';
import { unset } from '../protocol/fields.ts';
import type { ProfileFields } from '../protocol/profile.ts';

/** A profile as it was read: what is answered of it, and the name of that state. */
export interface StoredProfile extends ProfileFields {
  readonly version: string;
}

/** A profile that is so large that it is not read together with other things. */
export class UnreadProfile {
  /** About so many. */
  readonly bytes: number;
  readonly read: () => Promise<StoredProfile | undefined>;

  constructor(bytes: number, read: () => Promise<StoredProfile | undefined>) {
    this.bytes = bytes;
    this.read = read;
  }
}

/** What counts in the quota, in bytes. Not the presence: it is short, and changes with every device. */
export function sizeOf({ services, settings, rosters }: ProfileFields): number {
  return services.length + settings.length + rosters.length;
}

/** What a new profile holds, and a `remove` answers. */
export const emptyFields: ProfileFields = {
  services: unset,
  rosters: unset,
  settings: unset,
  update: 0,
  balance: encodeFragment(0),
  presence: unset,
};

/** How many fields `read-batch` packs: version, update, services, rosters, settings, balance, presence. */
const FIELDS = 7;
const LENGTH_BYTES = 4;

/**
 * A profile as `read-batch` packs it: the lengths of the fields, then the fields. They share the memory of the packed bytes.
 * The profile is a plain object: a spread of it has all fields.
 * @returns `undefined` where its rosters are still to be joined with their contacts.
 */
export function unpackProfile(bytes: Buffer): StoredProfile | undefined {
  const version = FIELDS * LENGTH_BYTES;
  const update = version + bytes.readUInt32BE(0);
  const services = update + bytes.readUInt32BE(LENGTH_BYTES);
  const rosters = services + bytes.readUInt32BE(2 * LENGTH_BYTES);
  const settings = rosters + bytes.readUInt32BE(3 * LENGTH_BYTES);
  const balance = settings + bytes.readUInt32BE(4 * LENGTH_BYTES);
  const presence = balance + bytes.readUInt32BE(5 * LENGTH_BYTES);
  const end = presence + bytes.readUInt32BE(6 * LENGTH_BYTES);
  if (settings === rosters) return undefined;
  return {
    services: services === rosters ? unset : bytes.subarray(services, rosters),
    rosters: bytes.subarray(rosters, settings),
    settings: settings === balance ? unset : bytes.subarray(settings, balance),
    update: Number(bytes.toString('latin1', update, services)),
    balance: balance === presence ? emptyFields.balance : bytes.subarray(balance, presence),
    presence: presence === end ? unset : bytes.subarray(presence, end),
    version: bytes.toString('latin1', version, update),
  };
}
