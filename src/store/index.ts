import { type Contacts, openContacts } from './contacts.ts';
import { openProfiles, type Profiles } from './profiles.ts';
import type { Database } from './redis.ts';
import { openSessions, type Sessions } from './sessions.ts';

/** What handlers may touch. */
export interface Stores {
  readonly sessions: Sessions;
  readonly profiles: Profiles;
  readonly contacts: Contacts;
}

export function openStores(redis: Database): Stores {
  return { sessions: openSessions(redis), profiles: openProfiles(redis), contacts: openContacts(redis) };
}
