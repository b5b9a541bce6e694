import { randomBytes } from 'node:crypto';

/** Names for new states of profiles, never used before by any worker; so a script can tell its own repetition. */
export function uniqueIds(): () => string {
  const worker = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${worker}.${(count++).toString(36)}`;
}
