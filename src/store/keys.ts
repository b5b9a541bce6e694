/**
 * The names of the keys in Redis (docs/operations.md, "Keys in Redis"). What belongs to a phone carries the hash tag `{phone}`,
 * so that one slot of a Redis Cluster holds all of it and one script can change it.
 */
export type Keys = ReturnType<typeof keysWith>;

/** @param prefix - stands before every key; holds no brace, as a brace would make another hash tag. */
export function keysWith(prefix: string) {
  const keys = {
    /** Hash: `phone` in digits, and perhaps `token`, a SHA-256 in hex. Written by the authentication service. */
    session: (client: string) => `${prefix}session:${client}`,
    /** Set: the client ids of a phone's sessions; a member may be stale. */
    sessions: (phone: string) => `${prefix}sessions:{${phone}}`,
    /** Hash: the profile; the fields stand in `profiles.ts`. */
    profile: (phone: string) => `${prefix}profile:{${phone}}`,
    /** Hash: a field `<roster id>:<phone_id>` for each contact, the value a `'Contact'` fragment. */
    contacts: (phone: string) => `${prefix}contacts:{${phone}}`,
    /** Hash: the codes that were mailed and not yet confirmed. */
    verify: (phone: string) => `${prefix}verify:{${phone}}`,
    /** Hash: the token bucket of a client, as the times when it was and will be full; see `report-use`. */
    rate: (client: string) => `${prefix}rate:${client}`,
    /** Sorted set: the places taken of a limit; `tag` is a phone or the digest of a mailbox or domain. */
    quota: (tag: string, name: string) => `${prefix}limit:{${tag}}:${name}`,
    /** Sorted set: the digests of what was confirmed: of addresses by a phone, or of phones at a domain. */
    confirmed: (tag: string) => `${prefix}confirmed:{${tag}}`,
    /**
     * Hash: what became of requests, a field each (`idempotency-records.ts`). A phone has up to 256 of them, so that each stays
     * small: Redis keeps a hash of up to 512 fields in a third of the memory.
     */
    done: (phone: string, digits: string) => `${prefix}done:{${phone}}:${digits}`,
    /** A word, that a contact was changed for a cause; a hash, which were renamed for it; or a word, what became of a request, as the version before kept it. */
    doneWord: (phone: string, name: string) => `${prefix}done:{${phone}}:${name}`,
    /** Temporary credentials, encrypted. */
    credentials: (phone: string) => `${prefix}aws:{${phone}}`,
    /** Who is asking STS for a phone. */
    credentialLock: (phone: string) => `${prefix}aws:{${phone}}:asking`,
    /** Hash: for each client that waits for what STS answers, where it wants its answer. */
    credentialWaiters: (phone: string) => `${prefix}aws:{${phone}}:waiting`,
    /** Hash: which phones ask to move to this one, and which of them is just moving. */
    migration: (newPhone: string) => `${prefix}migration:{${newPhone}}`,
    /** The phone that this one asked last to move to. */
    migrating: (oldPhone: string) => `${prefix}migration:{${oldPhone}}:to`,
    /** The last `migrate` of a client: the old phone and the new one. */
    proposal: (client: string) => `${prefix}proposal:${client}`,
    /** Hash: who is to be notified that a phone is removed. */
    removal: (phone: string) => `${prefix}removal:{${phone}}`,
    /** Hash: a profile that was put aside to move to another phone; and its contacts. */
    leaving: (phone: string) => `${prefix}leaving:{${phone}}`,
    leavingContacts: (phone: string) => `${prefix}leaving:{${phone}}:contacts`,
    /** Hash: the copy of a profile that moves to this phone, made under this claim; and of its contacts. */
    arriving: (phone: string, claim: string) => `${prefix}arriving:{${phone}}:${claim}`,
    arrivingContacts: (phone: string, claim: string) => `${prefix}arriving:{${phone}}:${claim}:contacts`,
    /** In which form a client asked last, if not in ETF. */
    format: (client: string) => `${prefix}form:${client}`,
    /** That a client has a hint on `qa/hint/<client>`, and when a `remove` has signed it out. */
    hint: (client: string) => `${prefix}hint:${client}`,
    signedOut: (client: string) => `${prefix}signed-out:${client}`,
    /** Hash: how often a request was begun that the broker delivers again; by its digest. */
    redelivery: (digest: string) => `${prefix}redelivery:${digest}`,
    /** Hash: the requests that were given up, by their digest. */
    poisoned: () => `${prefix}poisoned`,
    /**
     * Sorted set: the client ids of the workers of one share group at the same brokers, the score the time of the last heartbeat in
     * Unix milliseconds.
     */
    workers: (fleet: string) => `${prefix}workers:${fleet}`,
    /** The same for all workers, where those of the version before look. */
    formerWorkers: () => `${prefix}workers`,
    /** Sorted set: `<broker>/<client id>` of each subscription of those workers, the score its last heartbeat. */
    subscriptions: (fleet: string) => `${prefix}subscriptions:${fleet}`,
    /** Who takes over what the brokers hold for a dead worker. */
    takeoverLease: (fleet: string, worker: string) => `${prefix}heir:${fleet}:${worker}`,
    /** Which process connects under the client id of a worker. */
    clientId: (fleet: string, worker: string) => `${prefix}client-id:${fleet}:${worker}`,
    /** There only while it is tried what our user may do; several numbers lie on several nodes of a Cluster. */
    rights: (number: number) => `${prefix}rights:{${number}}`,
    /** List: what a broker that is away is to be sent. */
    outbox: (broker: string) => `${prefix}outbox:${broker}`,
    /** How many bytes that is. The hash tag is the outbox's whole key, so both lie in one slot. */
    outboxBytes: (broker: string) => `{${prefix}outbox:${broker}}:bytes`,
    /** Who is sending it. */
    outboxLease: (broker: string) => `${prefix}outbox:${broker}:sending`,
    /** Sorted set: the phones whose contacts the workers of one share group at the same brokers are to notify. */
    fanOuts: (fleet: string) => `${prefix}fan-outs:${fleet}`,
    /** The same for all workers, where those of the version before note phones. */
    formerFanOuts: () => `${prefix}fan-outs`,
    /** Who notifies the contacts of a phone. */
    fanOutLease: (phone: string) => `${prefix}fan-out:{${phone}}:telling`,
    /** How far that has come. */
    fanOutCursor: (phone: string) => `${prefix}fan-out:{${phone}}`,
    /** Sorted set: the phones whose clients at a broker are to be compared with their sessions. */
    brokerAcl: (broker: string) => `${prefix}broker-acl:${broker}`,
    /** Who changes what a broker has of a phone, or of a client. */
    brokerAclLock: (broker: string, kind: 'phone' | 'client', name: string) =>
      `${prefix}broker-acl:${broker}:lock:${kind}:${name}`,
    /** There while nobody is to look through all that a broker has. */
    brokerAclSweep: (broker: string) => `${prefix}broker-acl:${broker}:sweep`,
    /** What a phone has beside its profile. Not its limits: a phone that signs in anew must not have them anew. */
    besideProfile: (phone: string) => [
      keys.verify(phone),
      keys.credentials(phone),
      // Not who waits for credentials: each still waits for its answer.
      keys.credentialLock(phone),
    ],
    /** All that goes with a profile when its phone goes: contacts, verifications, credentials, migrations. */
    ofPhone: (phone: string) => [
      keys.contacts(phone),
      ...keys.besideProfile(phone),
      keys.migration(phone),
      keys.migrating(phone),
    ],
  };
  return keys;
}
