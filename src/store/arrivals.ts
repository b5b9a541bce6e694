import { bytesOf, type GatheredReads } from './gathered-reads.ts';
import type { Profiles, StoredProfile } from './profiles.ts';
import type { Database } from './redis.ts';

/** A session as the authentication service wrote it. */
export interface Session {
  /** In digits. */
  readonly phone: string;
  /** SHA-256 in hex; `''` if there is none. */
  readonly tokenHash: string;
}

/** What is stored about a request that has just come. */
export interface Found {
  readonly session: Session | undefined;
  readonly stored: StoredProfile | undefined;
  /** The record that the request is done; `''` if there is none. */
  readonly record: string;
}

/** What is read for every request, in one round trip. */
export interface Arrivals {
  /**
   * @param client - whose session.
   * @param phone - whose profile.
   * @param key - of the record that the request is done; `''` for a request that needs none.
   */
  read(client: string, phone: string, key: string): Promise<Found>;
}

export function openArrivals({ keys }: Database, reads: GatheredReads, profiles: Profiles): Arrivals {
  return {
    read(client, phone, key) {
      const own = [keys.session(client), keys.profile(phone)];
      if (key !== '') own.push(keys.done(phone, key));
      return reads.read(key === '' ? 'sp' : 'spd', own, (values, at) => {
        const session = readSession(bytesOf(values[at]));
        const stored = profiles.unpack(phone, bytesOf(values[at + 1]));
        const record = key === '' ? '' : (bytesOf(values[at + 2])?.toString('latin1') ?? '');
        if (!(stored instanceof Promise)) return { session, stored, record };
        return stored.then((joined) => ({ session, stored: joined, record }));
      });
    },
  };
}

/** @param bytes - `<phone> <token>`, as `read-gathered` joins them. */
function readSession(bytes: Buffer | undefined): Session | undefined {
  if (bytes === undefined) return undefined;
  const text = bytes.toString('latin1');
  const space = text.indexOf(' ');
  return { phone: text.slice(0, space), tokenHash: text.slice(space + 1) };
}
