/**
 * The names of the keys in Redis (docs/protocol.md, "Redis"). What belongs to a phone carries the hash tag `{phone}`,
 * so that one slot of a Redis Cluster holds all of it and one script can change it.
 */
export interface Keys {
  /** Hash: `phone` in digits, and perhaps `token`, a SHA-256 in hex. Written by the authentication service. */
  session(client: string): string;
  /** Set: the client ids of a phone's sessions; a member may be stale. */
  sessions(phone: string): string;
  /** Hash: the profile; the fields stand in `profiles.ts`. */
  profile(phone: string): string;
  /** Hash: a field `<roster id>:<phone_id>` for each contact, the value a `'Contact'` fragment. */
  contacts(phone: string): string;
  /** Hash: the codes that were mailed and not yet confirmed. */
  verify(phone: string): string;
  /** Hash: how many requests a client may still make. */
  rate(client: string): string;
  /** Sorted set: the places taken of a limit; `tag` is a phone or the digest of a mailbox or domain. */
  quota(tag: string, name: string): string;
  /** Sorted set: the digests of what was confirmed: of addresses by a phone, or of phones at a domain. */
  confirmed(tag: string): string;
  /** A word: what became of a request. */
  done(phone: string, request: string): string;
  /** Temporary credentials, encrypted. */
  credentials(phone: string): string;
  /** Who is asking STS for a phone. */
  credentialLock(phone: string): string;
  /** List: who waits for what STS answers. */
  credentialWaiters(phone: string): string;
  /** Hash: which phones ask to move to this one, and which of them is just moving. */
  migration(newPhone: string): string;
  /** The phone that this one asked last to move to. */
  migrating(oldPhone: string): string;
  /** The last `migrate` of a client: the old phone and the new one. */
  proposal(client: string): string;
  /** Hash: who is to be told that a phone is removed. */
  removal(phone: string): string;
  /** Hash: a profile that was put aside to move to another phone; and its contacts. */
  leaving(phone: string): string;
  leavingContacts(phone: string): string;
  /** Hash: the copy of a profile that moves to this phone, made under this claim; and of its contacts. */
  arriving(phone: string, claim: string): string;
  arrivingContacts(phone: string, claim: string): string;
  /** Sorted set: the client ids of the workers, the score the time of the last heartbeat in Unix milliseconds. */
  workers(): string;
  /** Who works off what the broker holds for a dead worker. */
  takeoverLease(worker: string): string;
  /** List: what a broker that is away is to be sent. */
  outbox(broker: string): string;
  /** Who is sending it. */
  outboxLease(broker: string): string;
  /** Sorted set: the phones whose clients at a broker are to be compared with their sessions. */
  brokerAcl(broker: string): string;
  /** Who changes what a broker has of a phone, or of a client. */
  brokerAclLock(broker: string, kind: 'phone' | 'client', name: string): string;
  /** There while nobody is to look through all that a broker has. */
  brokerAclSweep(broker: string): string;
  /** Hash: how often a request was begun that the broker delivers again; by its digest. */
  redelivery(digest: string): string;
  /** Hash: the requests that were given up, by their digest. */
  poisoned(): string;
  /** In which form a client asked last, if not in ETF. */
  format(client: string): string;
  /** What a phone has beside its profile. Not its limits: a phone that signs in anew must not have them anew. */
  besideProfile(phone: string): readonly string[];
  /** All that goes with a profile when its phone goes: contacts, verifications, credentials, migrations. */
  ofPhone(phone: string): readonly string[];
}

/** @param prefix - stands before every key; holds no brace, as a brace would make another hash tag. */
export function keysWith(prefix: string): Keys {
  const keys: Keys = {
    session: (client) => `${prefix}session:${client}`,
    sessions: (phone) => `${prefix}sessions:{${phone}}`,
    profile: (phone) => `${prefix}profile:{${phone}}`,
    contacts: (phone) => `${prefix}contacts:{${phone}}`,
    verify: (phone) => `${prefix}verify:{${phone}}`,
    rate: (client) => `${prefix}rate:${client}`,
    quota: (tag, name) => `${prefix}limit:{${tag}}:${name}`,
    confirmed: (tag) => `${prefix}confirmed:{${tag}}`,
    done: (phone, request) => `${prefix}done:{${phone}}:${request}`,
    credentials: (phone) => `${prefix}aws:{${phone}}`,
    credentialLock: (phone) => `${prefix}aws:{${phone}}:asking`,
    credentialWaiters: (phone) => `${prefix}aws:{${phone}}:waiting`,
    migration: (newPhone) => `${prefix}migration:{${newPhone}}`,
    migrating: (oldPhone) => `${prefix}migration:{${oldPhone}}:to`,
    proposal: (client) => `${prefix}proposal:${client}`,
    removal: (phone) => `${prefix}removal:{${phone}}`,
    leaving: (phone) => `${prefix}leaving:{${phone}}`,
    leavingContacts: (phone) => `${prefix}leaving:{${phone}}:contacts`,
    arriving: (phone, claim) => `${prefix}arriving:{${phone}}:${claim}`,
    arrivingContacts: (phone, claim) => `${prefix}arriving:{${phone}}:${claim}:contacts`,
    format: (client) => `${prefix}form:${client}`,
    redelivery: (digest) => `${prefix}redelivery:${digest}`,
    poisoned: () => `${prefix}poisoned`,
    workers: () => `${prefix}workers`,
    takeoverLease: (worker) => `${prefix}heir:${worker}`,
    outbox: (broker) => `${prefix}outbox:${broker}`,
    outboxLease: (broker) => `${prefix}outbox:${broker}:sending`,
    brokerAcl: (broker) => `${prefix}broker-acl:${broker}`,
    brokerAclLock: (broker, kind, name) => `${prefix}broker-acl:${broker}:lock:${kind}:${name}`,
    brokerAclSweep: (broker) => `${prefix}broker-acl:${broker}:sweep`,
    besideProfile: (phone) => [
      keys.verify(phone),
      keys.credentials(phone),
      // Not who waits for credentials: each is still owed its answer.
      keys.credentialLock(phone),
    ],
    ofPhone: (phone) => [
      keys.contacts(phone),
      ...keys.besideProfile(phone),
      keys.migration(phone),
      keys.migrating(phone),
    ],
  };
  return keys;
}
