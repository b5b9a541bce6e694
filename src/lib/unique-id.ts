import { randomBytes } from 'node:crypto';

/** Ids that no worker has used before. A script recognises its own retry by them. */
export function uniqueIds(): () => string {
  const worker = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${worker}.${(count++).toString(36)}`;
}
