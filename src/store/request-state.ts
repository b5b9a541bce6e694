import { placeOf, unpackRecord } from './idempotency-records.ts';
import type { Profiles, StoredProfile } from './profiles.ts';
import { type BatchedReads, bytesOf, type Value } from './redis/batched-reads.ts';
import type { Database } from './redis/database.ts';
import type { UnreadProfile } from './stored-profile.ts';

/** A session as the authentication service wrote it. */
export interface Session {
  /** In digits. */
  readonly phone: string;
  /** SHA-256 in hex; `''` if there is none. */
  readonly tokenHash: string;
}

/** What is stored about a request that has just come. */
export interface RequestState {
  readonly session: Session | undefined;
  readonly stored: StoredProfile | UnreadProfile | undefined;
  /** The record that the request is done; `''` if there is none. */
  readonly record: string;
  /** The record that this delivery of it was refused; often the same one. */
  readonly refusal: string;
}

/** What is read for every request, in one round trip. */
export function openRequestStates({ keys }: Database, reads: BatchedReads, profiles: Profiles) {
  return {
    /**
     * @param client - whose session.
     * @param phone - whose profile.
     * @param records - the keys of what became of the request, and of this delivery of it; absent for one that needs none.
     */
    load(
      client: string,
      phone: string,
      records: { readonly request: string; readonly delivery: string } | undefined,
    ): Promise<RequestState> {
      const own = [keys.session(client), keys.profile(phone)];
      let kinds = 'sp';
      let fields: Buffer[] | undefined;
      if (records !== undefined) {
        const request = placeOf(keys, phone, records.request);
        own.push(request.key);
        fields = [request.field];
        kinds = 'spd';
        if (records.delivery !== records.request) {
          const delivery = placeOf(keys, phone, records.delivery);
          own.push(delivery.key);
          fields.push(delivery.field);
          kinds = 'spdd';
        }
      }
      const make = (values: readonly Value[], at: number): RequestState | Promise<RequestState> => {
        const session = readSession(bytesOf(values[at]));
        const stored = profiles.unpack(phone, values[at + 1]);
        const record = kinds === 'sp' ? '' : readRecord(values[at + 2]);
        const refusal = kinds === 'spdd' ? readRecord(values[at + 3]) : record;
        if (!(stored instanceof Promise)) return { session, stored, record, refusal };
        return stored.then((joined) => ({ session, stored: joined, record, refusal }));
      };
      return reads.read(kinds, own, make, fields);
    },
    /** The session of a client alone, for a request that names no phone. */
    session: (client: string) =>
      reads.read('s', [keys.session(client)], (values, at) => readSession(bytesOf(values[at]))),
  };
}

function readRecord(value: Value | undefined): string {
  return unpackRecord(bytesOf(value));
}

/** @param bytes - `<phone> <token>`, as `read-batch` joins them. */
function readSession(bytes: Buffer | undefined): Session | undefined {
  if (bytes === undefined) return undefined;
  const text = bytes.toString('latin1');
  const space = text.indexOf(' ');
  return { phone: text.slice(0, space), tokenHash: text.slice(space + 1) };
}
