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
}

/** @param prefix - stands before every key; holds no brace, as a brace would make another hash tag. */
export function keysWith(prefix: string): Keys {
  return {
    session: (client) => `${prefix}session:${client}`,
    sessions: (phone) => `${prefix}sessions:{${phone}}`,
    profile: (phone) => `${prefix}profile:{${phone}}`,
    contacts: (phone) => `${prefix}contacts:{${phone}}`,
  };
}
