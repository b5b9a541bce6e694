import { randomBytes } from 'node:crypto';

const processName = randomBytes(9).toString('base64url');
let count = 0;

/** An id that no process has used before, without a space. A script recognises its own retry by it. */
export function uniqueId(): string {
  return `${processName}.${(count++).toString(36)}`;
}
