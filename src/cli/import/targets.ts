import type { SignInDeps } from '../../broker-acl/sign-in.ts';
import { writeList } from '../../protocol/list.ts';
import type { Profiles, StoredProfile } from '../../store/profiles.ts';
import type { WholeChange } from '../profile-change.ts';
import { newRequest, refusals } from '../profiles.ts';
import { hashOf } from '../session.ts';
import { CliFault } from '../terminal.ts';
import type { StoredAuth } from './records.ts';
import type { Outcome } from './report.ts';

/** What became of a record, and why if it was not imported. */
export type Result = Exclude<Outcome, 'refused'> | { readonly reason: string };

/** Where records go. Both can be repeated, and take no record twice. */
export interface Target {
  profile(phone: string, change: WholeChange): Promise<Result>;
  session(auth: StoredAuth): Promise<Result>;
}

/** Checks only. */
export const dryRun: Target = {
  profile: async () => 'imported',
  session: async () => 'imported',
};

/**
 * Redis, by the functions by which workers write it.
 * @param overwrite - puts the dump's record in the place of another one that is there.
 */
export function storeTarget(
  profiles: Pick<Profiles, 'change' | 'read'>,
  { sessions, brokers }: SignInDeps,
  overwrite: boolean,
): Target {
  let asked: Promise<unknown> | undefined;
  /** Before the first session, so that none is stored whose client the broker then refuses. */
  const mayManage = (client: string): Promise<unknown> => {
    asked ??= Promise.all(brokers.map(({ clients }) => clients.find(client))).catch((error: Error) => {
      const advice =
        'MQTT_USERNAME must be an administrator, such as admin; without dynamic-security at the broker use --redis-only';
      throw new CliFault(`no session is imported: ${error.message}; ${advice}`);
    });
    return asked;
  };
  return {
    async profile(phone, change) {
      let outcome: Result = 'imported';
      const answer = await profiles.change<'there' | 'kept'>(
        newRequest(phone),
        await profiles.read(phone),
        'ok',
        (stored) => {
          if (stored !== undefined && isSame(stored, change)) return 'there';
          if (stored !== undefined && !overwrite) return 'kept';
          outcome = stored === undefined ? 'imported' : 'replaced';
          return change;
        },
      );
      if (typeof answer !== 'string') return outcome;
      if (answer === 'there' || answer === 'kept') return answer;
      return { reason: refusals[answer] };
    },
    async session(auth) {
      const { client, phone, token } = auth;
      await mayManage(client);
      const tokenHash = hashOf(token);
      const found = await sessions.restore(client, phone, tokenHash);
      if (found === 'other_phone') return { reason: 'the client has a session of another phone' };
      if (found === 'other_token') {
        if (!overwrite) return 'kept';
        if ((await sessions.rotate(client, phone, tokenHash)) === 'changed')
          return { reason: 'the session ended meanwhile' };
      }
      // Also for one that is there: an earlier run may have ended before this.
      for (const broker of brokers) await broker.add(auth);
      return found === 'stored' ? 'imported' : found === 'same' ? 'there' : 'replaced';
    },
  };
}

/** Whether the profile is stored already as this change would store it. */
function isSame(stored: StoredProfile, change: WholeChange): boolean {
  const same = (name: 'services' | 'settings' | 'balance' | 'presence') =>
    Buffer.compare(stored[name], change[name]) === 0;
  return (
    stored.update === change.update &&
    same('services') &&
    same('settings') &&
    same('balance') &&
    same('presence') &&
    Buffer.compare(stored.rosters, writeList(change.rosters)) === 0
  );
}
